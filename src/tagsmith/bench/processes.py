"""Whole processes: cold start, memory, and what is on the disk after an installation."""

from __future__ import annotations

import re
import tomllib
from importlib import metadata
from pathlib import Path

from tagsmith import store
from tagsmith.bench import inputs as corpus
from tagsmith.bench.measurements import Measurement, MeasurementRefused, MissingRival, significant
from tagsmith.bench.setting import BenchSetting, Findings
from tagsmith.bench.workers import Entrant, own_job, timed
from tagsmith.formats import conll
from tagsmith.formats.table import table

TEXT = "Jay is from India."
STARTS = 7
TABLE = 400_000
"""Rows of the table of vectors whose memory is measured: as many as GloVe 6B has."""
FILES = (100_000, 400_000)
"""Tokens of the two files whose memory is compared."""


def cold_start(setting: BenchSetting, findings: Findings) -> None:
    """A process from start to end that tags one sentence, the model on a warm disk; its output must be right."""
    result = timed(start(setting.model), max(setting.repeats, STARTS))
    if result.answer != table(setting.tagger.tag(TEXT)):
        raise MeasurementRefused(f"the command printed {result.answer!r}")
    note = (
        f"least of {len(result.seconds)}, median {significant(result.median)} s; model of {_megabytes(setting.model)}"
    )
    findings.figures.append(Measurement("cold start: tagsmith tag", "s", result.best, "<=", 0.6, note))


def start(model: str) -> Entrant:
    """``tagsmith tag MODEL --text ...`` in a process of its own."""
    return Entrant(own_job("shell"), {"what": "start", "words": ["tag", model, "--text", TEXT]})


def memory(setting: BenchSetting, findings: Findings) -> None:
    """The peak of a process that tags a large file, and how much more a file four times as large takes."""
    own = setting.tagger.model
    model = corpus.with_words(own, max(TABLE, len(own.alphabets.words)))
    path = setting.place("large.safetensors")
    store.save(model, path)
    small, large = (_peak(setting, path, tokens) for tokens in FILES)
    path.unlink()
    shape = " x ".join(f"{size:,}" for size in model.weights["words.vectors"].shape)
    note = f"{FILES[1]:,} tokens, columns to columns, a table of {shape} vectors"
    findings.figures.append(Measurement("memory of tagging a large file", "MB", max(small, large), "<=", 350, note))
    note = f"{significant(small)} MB at {FILES[0]:,} tokens, {significant(large)} at {FILES[1]:,}"
    growth = 100 * (large / small - 1)
    findings.figures.append(Measurement("memory: growth for four times the file", "%", growth, "<=", 5, note))


def _peak(setting: BenchSetting, model: Path, tokens: int) -> float:
    """Megabytes that ``tagsmith tag`` had at most, for the test sentences repeated to this many tokens."""
    sentences = corpus.repeated(setting.sentences, tokens)
    given, written = (setting.place(f"large-{name}.conll") for name in ("in", "out"))
    corpus.write(sentences, given)
    words = ["tag", str(model), str(given), "--to", "conll", "--out", str(written)]
    result = timed(Entrant(own_job("shell"), {"what": "memory", "words": words, "written": str(written)}), 0)
    found = list(conll.read(written))
    given.unlink()
    written.unlink()
    if [sentence.tokens for sentence in found] != [sentence.tokens for sentence in sentences]:
        raise MeasurementRefused("the tokens that came back are not those that went in")
    alone = [answer.tags for answer in setting.tagger.tag(setting.sentences)]
    corpus.check_same([sentence.tags for sentence in found], alone * (len(found) // len(alone)))
    if result.peak_bytes is None:
        raise MissingRival("this system does not say how much memory a process had")
    return result.peak_bytes / 1e6


def installed_size(setting: BenchSetting, findings: Findings) -> None:
    """Bytes of all files of tagsmith and of what it depends on, without extras, as their installers list them."""
    sizes = {name: _size(name) for name in sorted(dependencies("tagsmith"))}
    if "torch" in sizes:
        raise MeasurementRefused("the base install has PyTorch in it")
    largest = sorted(sizes, key=lambda name: -sizes[name])[:3]
    note = f"{len(sizes)} packages; " + ", ".join(f"{name} {sizes[name] / 1e6:.0f}" for name in largest)
    findings.figures.append(Measurement("base install", "MB", sum(sizes.values()) / 1e6, "<=", 330, note))


def dependencies(name: str) -> set[str]:
    """The names of a package and of all it needs without extras; what another system needs is not installed here."""
    found: set[str] = set()
    waiting = [name]
    while waiting:
        name = re.sub(r"[-_.]+", "-", waiting.pop()).lower()
        if name in found:
            continue
        try:
            needs = _requirements(name)
        except metadata.PackageNotFoundError:
            continue
        found.add(name)
        waiting += [re.split(r"[^\w.-]", need, maxsplit=1)[0] for need in needs if not re.search(r";.*\bextra\b", need)]
    return found


def _requirements(name: str) -> list[str]:
    """What a package says it needs; tagsmith run from its source, what that says: its installation may be older."""
    source = Path(__file__).parents[3] / "pyproject.toml"
    if name == "tagsmith" and source.is_file():
        return tomllib.loads(source.read_text("utf-8"))["project"]["dependencies"]
    return metadata.requires(name) or []


def _size(name: str) -> int:
    """Bytes of a package's files; of one that runs from its source folder, of that."""
    if name == "tagsmith":
        paths = list(Path(__file__).parents[1].rglob("*"))
    else:
        paths = [Path(str(file.locate())) for file in metadata.files(name) or []]
    return sum(path.stat().st_size for path in paths if path.is_file())


def _megabytes(path: str) -> str:
    return f"{Path(path).stat().st_size / 1e6:.0f} MB"
