"""Make an environment for each rival: ``python benchmarks/make_rivals.py [DIR]`` (``rivals`` unless named).

Each rival gets its own virtual environment in DIR, so that versions don't depend on each other. For ``tagsmith bench``,
DIR/rivals.json then lists the Python and the script of each, or the reason that it could not be installed. Names after
DIR make only those rivals.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import venv
from pathlib import Path

SCRIPTS = Path(__file__).resolve().parent / "rivals"
# A fixed version of PyTorch, so that all rivals and tagsmith's own training can use the same one.
TORCH = "torch==2.13.0"
RIVALS = {
    "spacy": ("spacy_ner.py", ["spacy"]),
    "crfsuite": ("crfsuite.py", ["python-crfsuite"]),
    "flair": ("flair_ner.py", [TORCH, "flair"]),
    "pytorch-crf": ("torch_crf.py", [TORCH, "pytorch-crf", "numpy"]),
}


def make(name: str, folder: Path) -> dict[str, str]:
    """Install one rival, and return its entry in rivals.json."""
    script, packages = RIVALS[name]
    environment = folder / name
    python = environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if not python.exists():
        venv.create(environment, with_pip=True)
    command = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *packages]
    done = subprocess.run(command, capture_output=True, text=True)
    entry = {"python": str(python), "script": str(SCRIPTS / script)}
    if done.returncode:
        errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
        entry["failed"] = (errors or done.stderr.strip().splitlines() or ["pip failed"])[-1]
    return entry


def main(folder: Path, names: list[str]) -> None:
    """Make the environments and list them in rivals.json."""
    if unknown := [name for name in names if name not in RIVALS]:
        sys.exit(f"found {unknown[0]!r}; expected one of: {', '.join(RIVALS)}")
    folder = folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    listing = folder / "rivals.json"
    known = json.loads(listing.read_text("utf-8")) if listing.exists() else {}
    for name in names or RIVALS:
        print(f"{name}: {' '.join(RIVALS[name][1])} ...", flush=True)
        known[name] = make(name, folder)
        print(f"{name}: {known[name].get('failed', 'ready')}", flush=True)
        part = listing.with_suffix(".part")
        part.write_text(json.dumps(known, indent=2) + "\n", "utf-8")
        part.replace(listing)


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "rivals"), sys.argv[2:])
