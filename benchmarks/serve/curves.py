"""Measure the latency of a service against the offered load, one line of JSON for each rate.

    cd benchmarks/serve
    python curves.py OUT.jsonl --rates 200,400,800 -- tagsmith serve en-ner --port 8000
    python curves.py SPACY.jsonl --rates 100,200 -- ENV/bin/python spacy_service.py TRAIN.conll 8000
    python curves.py --picture load.png tagsmith=OUT.jsonl "FastAPI + spaCy=SPACY.jsonl"

The script starts the service. Texts are the corpus in the package, cut into 15 tokens joined by spaces. The load comes
from load.py, in a separate process on the same cores.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from importlib.resources import files
from pathlib import Path

LENGTH = 15
URL = "http://127.0.0.1:8000/v1/tag"


def texts() -> list[str]:
    """Return the corpus in the package, cut into texts of equal length."""
    lines = (files("tagsmith.demo") / "train.conll").read_text("utf-8").splitlines()
    words = [line.split()[0] for line in lines if line.strip()]
    return [" ".join(words[i : i + LENGTH]) for i in range(0, len(words) - LENGTH, LENGTH)]


def wait_for_service() -> None:
    """Wait until the service answers."""
    body = urllib.request.Request(URL, b'{"text": "Jay"}', {"Content-Type": "application/json"})
    for _ in range(1200):
        try:
            urllib.request.urlopen(body).read()
            return
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.1)
    sys.exit("the service did not start")


def memory(process: int) -> float:
    """Return the resident memory of a process in megabytes."""
    status = Path(f"/proc/{process}/status").read_text("utf-8")
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS")) / 1000


def measure(out: Path, rates: list[float], seconds: float, command: list[str]) -> None:
    """Start a service, send requests at each rate, and write the figures."""
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write("\n".join(texts()))
        file.flush()
        load = [sys.executable, str(Path(__file__).with_name("load.py")), URL, "--texts", file.name]
        service = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            wait_for_service()
            with out.open("w", encoding="utf-8") as lines:
                for rate in rates:
                    sent = subprocess.run(
                        [*load, "--rate", str(rate), "--seconds", str(seconds)], capture_output=True, check=True
                    )
                    figures = {**json.loads(sent.stdout), "service_mb": round(memory(service.pid))}
                    print(json.dumps(figures), flush=True)
                    lines.write(json.dumps(figures) + "\n")
        finally:
            service.terminate()
            service.wait()


def picture(target: Path, curves: dict[str, Path]) -> None:
    """Plot the percentiles of latency and the answered load against the offered load."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, (left, right) = pyplot.subplots(1, 2, figsize=(11, 4.2), layout="constrained")
    for (name, path), color in zip(curves.items(), ("#a34a12", "#2f6f8f", "#5c7a29"), strict=False):
        points = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
        offered = [point["offered"] for point in points]
        for percentile, style in (("p50", ":"), ("p99", "-"), ("p99.9", "--")):
            left.plot(
                offered,
                [point["ms"][percentile] for point in points],
                style,
                color=color,
                marker="o",
                ms=3,
                label=f"{name}, {percentile}",
            )
        right.plot(offered, [point["answered"] for point in points], "-o", color=color, ms=3, label=name)
    left.axhline(25, color="gray", lw=0.8)
    left.set(yscale="log", xlabel="requests/s offered", ylabel="ms, from when a request was due")
    right.axline((0, 0), slope=1, color="gray", lw=0.8)
    right.set(xlabel="requests/s offered", ylabel="requests/s answered")
    for axes in (left, right):
        axes.legend(frameon=False)
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(target, dpi=130)


def main() -> None:
    """Measure, or plot."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--picture", type=Path)
    parser.add_argument("--rates", type=lambda text: [float(rate) for rate in text.split(",")])
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("rest", nargs="*")
    end = sys.argv.index("--") if "--" in sys.argv else len(sys.argv)
    given, command = parser.parse_intermixed_args(sys.argv[1:end]), sys.argv[end + 1 :]
    if given.picture:
        picture(given.picture, {name: Path(path) for name, _, path in (one.partition("=") for one in given.rest)})
    else:
        measure(Path(given.rest[0]), given.rates, given.seconds, command)


if __name__ == "__main__":
    main()
