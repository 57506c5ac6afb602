"""python-crfsuite with the usual features for names (``usual``): words, affixes and shapes in a window of five; or with
the few features of its own tutorial (``tutorial``)."""

from importlib.metadata import version
from pathlib import Path

import pycrfsuite

ITERATIONS = 50


def prepare(task):
    """Train, or load the model of an earlier call."""
    features = {"usual": usual, "tutorial": tutorial}[task.options["features"]]
    model = Path(task.options["folder"]) / f"crfsuite-{task.options['features']}.model"
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


def usual(tokens):
    """Return the features of each token, its neighbours, and its pairs with them."""
    lower = [token.lower() for token in tokens]
    shapes = [shape(token) for token in tokens]
    rows = []
    for i, word in enumerate(tokens):
        row = ["bias", "w=" + word, "l=" + lower[i], "s=" + shapes[i]]
        row += [f"p{n}=" + lower[i][:n] for n in (1, 2, 3, 4)]
        row += [f"e{n}=" + lower[i][-n:] for n in (1, 2, 3, 4)]
        row += [
            f"title={word.istitle()}",
            f"upper={word.isupper()}",
            f"digit={word.isdigit()}",
            f"hyphen={'-' in word}",
        ]
        for step in (-2, -1, 1, 2):
            j = i + step
            if 0 <= j < len(tokens):
                row += [f"{step}:l=" + lower[j], f"{step}:s=" + shapes[j], f"{step}:e=" + lower[j][-3:]]
            else:
                row.append(f"{step}:none")
        if i > 0:
            row.append("-1|0=" + lower[i - 1] + "|" + lower[i])
        if i + 1 < len(tokens):
            row.append("0|1=" + lower[i] + "|" + lower[i + 1])
        rows.append(row)
    return rows


def shape(word):
    """Return the word's shape: letters as X and x, digits as d, each at most twice in a row. Wales gives Xxx."""
    kinds = ["X" if c.isupper() else "x" if c.islower() else "d" if c.isdigit() else c for c in word]
    return "".join(k for i, k in enumerate(kinds) if kinds[i - 2 : i] != [k, k])


def tutorial(tokens):
    """Return the features of each token as in python-crfsuite's own tutorial, without the part of speech."""
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
        for name, j in (("-1", i - 1), ("+1", i + 1)):
            if 0 <= j < len(tokens):
                near = tokens[j]
                row.append(f"{name}:word.lower=" + near.lower())
                row.append(f"{name}:word.istitle={near.istitle()}")
                row.append(f"{name}:word.isupper={near.isupper()}")
            else:
                row.append("BOS" if j < 0 else "EOS")
        rows.append(row)
    return rows


def spans_of(tags):
    """Return the spans of IOB2 tags as (start, end, label), without the end."""
    spans, start = [], None
    for i, tag in enumerate([*tags, "O"]):
        if start is not None and tag != "I-" + tags[start][2:]:
            spans.append((start, i, tags[start][2:]))
            start = None
        if start is None and tag != "O":
            start = i
    return spans
