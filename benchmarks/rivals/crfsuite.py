"""python-crfsuite with the usual features for names: the word, its ends and its shape, and its neighbours'."""

from importlib.metadata import version
from pathlib import Path

import pycrfsuite

ITERATIONS = 50


def prepare(task):
    """Train, or take what an earlier call trained."""
    model = Path(task.options["folder"]) / "crfsuite.model"
    if not model.exists():
        trainer = pycrfsuite.Trainer(verbose=False)
        for tokens, tags in task.sentences("train"):
            trainer.append(features(tokens), tags)
        trainer.set_params({"c1": 1.0, "c2": 1e-3, "max_iterations": ITERATIONS, "feature.possible_transitions": True})
        trainer.train(str(model))
    sentences = task.tokens("test")
    task.notes |= {"version": version("python-crfsuite"), "training": f"L-BFGS, at most {ITERATIONS} iterations"}

    def fresh():
        tagger = pycrfsuite.Tagger()
        tagger.open(str(model))

        def run():
            rows = [tagger.tag(features(tokens)) for tokens in sentences]
            return {"tags": sum(map(len, rows)), "spans": [spans_of(tags) for tags in rows]}

        return run

    return fresh


def features(tokens):
    """The features of each token, those of python-crfsuite's own tutorial without the part of speech."""
    rows = []
    for i, word in enumerate(tokens):
        row = [
            "bias",
            "word.lower=" + word.lower(),
            "word[-3:]=" + word[-3:],
            "word[-2:]=" + word[-2:],
            f"word.isupper={word.isupper()}",
            f"word.istitle={word.istitle()}",
            f"word.isdigit={word.isdigit()}",
        ]
        for name, at in (("-1", i - 1), ("+1", i + 1)):
            if 0 <= at < len(tokens):
                near = tokens[at]
                row.append(f"{name}:word.lower=" + near.lower())
                row.append(f"{name}:word.istitle={near.istitle()}")
                row.append(f"{name}:word.isupper={near.isupper()}")
            else:
                row.append("BOS" if at < 0 else "EOS")
        rows.append(row)
    return rows


def spans_of(tags):
    """Spans of IOB2 tags: [start, end) and label."""
    spans, start = [], None
    for i, tag in enumerate([*tags, "O"]):
        if start is not None and tag != "I-" + tags[start][2:]:
            spans.append((start, i, tags[start][2:]))
            start = None
        if start is None and tag != "O":
            start = i
    return spans
