"""Compiles all kernels once, for tests that read stderr or start many processes."""

from __future__ import annotations

import contextlib
import hashlib
import io
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from filelock import FileLock

from tagsmith import Rule, Rules, Sentence, Tagger, formats
from tagsmith.config import with_temperature
from tests.support.handmade import DEMO

ROOT = Path(__file__).parents[2]
OPS = ROOT / "src" / "tagsmith" / "ops"
RECIPES = (
    {},
    {"encoder.kind": "gru", "head.kind": "softmax"},
    {"head.potentials": "bigram", "encoder.kind": "rnn"},
    {"head.kind": "softmax", "chars.kind": "lstm"},
)


def compile_once(cache: Path) -> None:
    """Compile all kernels into a cache folder, unless that was done before. Processes wait for each other."""
    cache.mkdir(parents=True, exist_ok=True)
    with FileLock(cache / "compiling.lock"):
        stamp = cache / f"compiled-{_digest()}"
        if not stamp.exists():
            subprocess.run([sys.executable, "-m", "tests.support.warm"], cwd=ROOT, check=True)
            stamp.touch()


def _digest() -> str:
    """Return a digest of all that makes Numba compile again: the kernels' files, its version, the processor."""
    import numba
    from llvmlite import binding

    found = [sys.version, numba.__version__, binding.get_host_cpu_name(), binding.get_host_cpu_features().flatten()]
    for path in sorted(OPS.rglob("*.py")):
        found += [str(path), str(path.stat().st_mtime_ns), str(path.stat().st_size)]
    return hashlib.sha256("\n".join(found).encode()).hexdigest()[:16]


def main() -> None:
    """Train and tag with each kind of kernel."""
    sentences = [Sentence(s.tokens, s.tags) for s in formats.read(DEMO / "dev.conll")][:12]
    for recipe in RECIPES:
        settings = {"encoder.size": 8, "training.epochs": 1, **recipe}
        tagger = Tagger.train(sentences, sentences, settings=settings, progress=False)
        for temperature in (1.0, 2.0):
            model = replace(tagger.model, config=with_temperature(tagger.model.config, temperature))
            list(Tagger(model).tag(sentences, probabilities=True))
        list(tagger.tag(sentences, probabilities=True, rules=Rules([Rule(not_="PER")])))


if __name__ == "__main__":
    with contextlib.redirect_stderr(io.StringIO()):
        main()
