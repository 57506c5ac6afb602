"""The costs of whole processes: cold start, memory, and the size of an installation."""

from __future__ import annotations

import re
import tomllib
from importlib import metadata
from pathlib import Path

from tagsmith import store
from tagsmith.bench.checks import check_same
from tagsmith.bench.inputs import repeat, write_columns
from tagsmith.bench.measurements import Measurement, MeasurementRefused, MissingRival, significant
from tagsmith.bench.resized_models import with_words
from tagsmith.bench.setting import BenchSetting, Findings
from tagsmith.bench.workers import Entrant, own_job, timed
from tagsmith.formats import conll
from tagsmith.formats.table import table

TEXT = "Jay is from India."
STARTS = 7
TABLE = 400_000
"""Rows of the vector table whose memory is measured, as many as GloVe 6B has."""
FILES = (100_000, 400_000)
"""Tokens of the two files whose memory is compared."""


def cold_start(setting: BenchSetting, findings: Findings) -> None:
    """Time a process that tags one sentence, from start to end, with the model in the disk cache."""
    timing = timed(start(setting.model), max(setting.repeats, STARTS))
    if timing.output != table(setting.tagger.tag(TEXT)):
        raise MeasurementRefused(f"the command printed {timing.output!r}")
    median = significant(timing.median)
    note = f"least of {len(timing.seconds)}, median {median} s; model of {_megabytes(setting.model)}"
    findings.add(Measurement("cold start: tagsmith tag", "s", timing.best, "<=", 0.6, note))


def start(model: str) -> Entrant:
    """Return ``tagsmith tag MODEL --text ...`` in a process of its own."""
    return Entrant(own_job("shell"), {"what": "start", "words": ["tag", model, "--text", TEXT]})


def memory(setting: BenchSetting, findings: Findings) -> None:
    """Measure the peak memory of a process that tags a large file, and its growth for a file four times as large."""
    own = setting.tagger.model
    model = with_words(own, max(TABLE, len(own.alphabets.words)))
    path = setting.path("large.safetensors")
    store.save(model, path)
    small, large = (_peak_megabytes(setting, path, tokens) for tokens in FILES)
    path.unlink()
    shape = " x ".join(f"{size:,}" for size in model.weights["words.vectors"].shape)
    note = f"{FILES[1]:,} tokens, columns to columns, a table of {shape} vectors"
    findings.add(Measurement("memory of tagging a large file", "MB", max(small, large), "<=", 350, note))
    note = f"{significant(small)} MB at {FILES[0]:,} tokens, {significant(large)} at {FILES[1]:,}"
    growth = 100 * (large / small - 1)
    findings.add(Measurement("memory: growth for four times the file", "%", growth, "<=", 5, note))


def _peak_megabytes(setting: BenchSetting, model: Path, tokens: int) -> float:
    """Return the peak memory of ``tagsmith tag`` for the test sentences repeated to a number of tokens."""
    sentences = repeat(setting.sentences, tokens)
    source, written = (setting.path(f"large-{name}.conll") for name in ("in", "out"))
    write_columns(sentences, source)
    words = ["tag", str(model), str(source), "--to", "conll", "--out", str(written)]
    timing = timed(Entrant(own_job("shell"), {"what": "memory", "words": words, "written": str(written)}), 0)
    tagged = list(conll.read(written))
    source.unlink()
    written.unlink()
    if [sentence.tokens for sentence in tagged] != [sentence.tokens for sentence in sentences]:
        raise MeasurementRefused("the output has other tokens than the input")
    expected = [each.tags for each in setting.tagger.tag(setting.sentences)]
    check_same([sentence.tags for sentence in tagged], expected * (len(tagged) // len(expected)))
    if timing.peak_bytes is None:
        raise MissingRival("this system does not report the peak memory of a process")
    return timing.peak_bytes / 1e6


def installed_size(setting: BenchSetting, findings: Findings) -> None:
    """Measure the files of tagsmith and of its dependencies without extras, as their installers list them."""
    sizes = {name: _size(name) for name in sorted(dependencies("tagsmith"))}
    if "torch" in sizes:
        raise MeasurementRefused("the base install has PyTorch in it")
    largest = sorted(sizes, key=lambda name: -sizes[name])[:3]
    note = f"{len(sizes)} packages; " + ", ".join(f"{name} {sizes[name] / 1e6:.0f}" for name in largest)
    findings.add(Measurement("base install", "MB", sum(sizes.values()) / 1e6, "<=", 330, note))


def dependencies(name: str) -> set[str]:
    """Return the names of a package and of its dependencies without extras, those that are installed here."""
    known: set[str] = set()
    waiting = [name]
    while waiting:
        name = re.sub(r"[-_.]+", "-", waiting.pop()).lower()
        if name in known:
            continue
        try:
            needs = _requirements(name)
        except metadata.PackageNotFoundError:  # needed on another system only
            continue
        known.add(name)
        waiting += [re.split(r"[^\w.-]", need, maxsplit=1)[0] for need in needs if not re.search(r";.*\bextra\b", need)]
    return known


def _requirements(name: str) -> list[str]:
    """Return a package's requirements. Those of tagsmith come from its source, if it runs from there."""
    source = Path(__file__).parents[3] / "pyproject.toml"
    if name == "tagsmith" and source.is_file():
        return tomllib.loads(source.read_text("utf-8"))["project"]["dependencies"]
    return metadata.requires(name) or []


def _size(name: str) -> int:
    """Return the bytes of a package's files; for tagsmith, of its package folder."""
    if name == "tagsmith":
        paths = list(Path(__file__).parents[1].rglob("*"))
    else:
        paths = [Path(str(file.locate())) for file in metadata.files(name) or []]
    return sum(path.stat().st_size for path in paths if path.is_file())


def _megabytes(path: str) -> str:
    return f"{Path(path).stat().st_size / 1e6:.0f} MB"
