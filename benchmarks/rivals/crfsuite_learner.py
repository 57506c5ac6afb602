"""python-crfsuite for ``benchmarks/score_rivals.py``: the usual features for names, trained until L-BFGS stops."""

import tempfile
from importlib.metadata import version
from pathlib import Path

import pycrfsuite
from crfsuite import usual
from learning import reply_with

SETTINGS = {"c1": 0.1, "c2": 0.1, "max_iterations": 200, "feature.possible_transitions": True}


def learn(task):
    """Return a function from tokens to IOB2 tags, and notes. Dev is not used."""
    trainer = pycrfsuite.Trainer(algorithm="lbfgs", params=SETTINGS, verbose=False)
    for tokens, tags in task["train"]:
        trainer.append(usual(tokens), tags)
    with tempfile.TemporaryDirectory() as folder:
        model = str(Path(folder) / "model")
        trainer.train(model)
        tagger = pycrfsuite.Tagger()
        tagger.open_inmemory(Path(model).read_bytes())
    notes = {"tool": "python-crfsuite", "version": version("python-crfsuite"), "algorithm": "L-BFGS", **SETTINGS}
    return lambda tokens: tagger.tag(usual(tokens)), {**notes, "features": "usual, benchmarks/rivals/crfsuite.py"}


if __name__ == "__main__":
    reply_with(learn)
