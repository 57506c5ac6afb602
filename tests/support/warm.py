"""Compiles the kernels once, before many processes of tests want them, and before a test reads what stderr says."""

from __future__ import annotations

import contextlib
import io
from dataclasses import replace

from tagsmith import Rule, Rules, Sentence, Tagger, formats
from tagsmith.config import with_temperature
from tests.support.handmade import DEMO

RECIPES = (
    {},
    {"encoder.kind": "gru", "head.kind": "softmax"},
    {"head.potentials": "bigram", "encoder.kind": "rnn"},
    {"head.kind": "softmax", "chars.kind": "lstm"},
)


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
