"""Draw rules.png: the marginals of a sentence before and after two rules, by the model that `make demo` leaves.

Run: python docs/rules/make_picture.py demo-out/demo.safetensors
"""

from __future__ import annotations

import sys
from pathlib import Path

import matplotlib
import numpy as np

from tagsmith import Rule, Rules, Sentence, Tagger

matplotlib.use("agg")
from matplotlib import pyplot

TOKENS = ["Sofia", "Alder", "met", "Verity", "Grange", "in", "Reed", "Point", "."]
RULES = Rules([Rule(tokens=("Sofia",), tag="PER"), Rule(tokens=("Point",), not_="ORG")])
LEAST = 0.005  # a tag is shown that is more probable than this at some word


def main(model: str) -> None:
    """Write the picture beside this script."""
    tagger = Tagger.load(model, precision="fp32")
    tags = tagger.model.tags
    both = [tagger.marginals(Sentence(TOKENS), rules=rules)[1] for rules in (None, RULES)]
    shown = [k for k in range(len(tags)) if max(marginals[:, k].max() for marginals in both) > LEAST]

    figure, axes = pyplot.subplots(2, 1, figsize=(9, 7.5), sharex=True, layout="constrained")
    titles = ("the model alone", f"with the rules {'  '.join(map(str, RULES.rules))}")
    for axis, marginals, title in zip(axes, both, titles, strict=True):
        rows = marginals[:, shown].T
        axis.imshow(rows, vmin=0, vmax=1, cmap="Blues", aspect="auto")
        for (row, word), value in np.ndenumerate(rows):
            if value > LEAST:
                color = "white" if value > 0.6 else "black"
                axis.text(word, row, f"{value:.2f}", ha="center", va="center", color=color)
        axis.set_title(title, loc="left", fontsize=10)
        axis.set_yticks(range(len(shown)), [tags[k] for k in shown])
        axis.set_xticks(range(len(TOKENS)), TOKENS)
    figure.savefig(Path(__file__).with_name("rules.png"), dpi=100, metadata={"Software": None})


if __name__ == "__main__":
    main(sys.argv[1])
