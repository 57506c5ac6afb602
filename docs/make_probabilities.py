"""Draw docs/probabilities.png: the marginals of a sentence and its best tag sequences.

python -m tagsmith.demo demo-out
python docs/make_probabilities.py demo-out/demo.safetensors
"""

from __future__ import annotations

import math
import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot as plt

from tagsmith import Sentence, Tagger

TARGET = Path(__file__).with_name("probabilities.png")
SENTENCE = "Jens Toft won a scholarship from Carlsberg and lost it at cards ."  # of the corpus in the package


def draw(model: str, target: Path) -> None:
    """The picture: tags by words, the darker the more probable, and below the words the best sequences."""
    tagger = Tagger.load(model)
    sentence = Sentence(SENTENCE.split())
    answer, marginals = tagger.marginals(sentence)
    best = (tagger.tag(sentence, best=5, scheme="BIOES").alternatives or ((),))[0]
    figure, (top, bottom) = plt.subplots(
        2, figsize=(10, 6.4), height_ratios=[len(tagger.model.tags), 1.6 * len(best)], layout="constrained"
    )
    top.imshow(marginals.T, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    for word, tag in zip(*(marginals >= 0.005).nonzero(), strict=True):
        probability = marginals[word, tag]
        colour = "white" if probability > 0.5 else "black"
        top.text(word, tag, f"{probability:.2f}", ha="center", va="center", color=colour, size=8)
    top.set_xticks(range(len(answer)), answer.tokens)
    top.set_yticks(range(len(tagger.model.tags)), tagger.model.tags)
    top.set_title("How probable each tag of each word is", loc="left")
    for rank, one in enumerate(best):
        for word, tag in enumerate(one.tags):
            bottom.text(word, rank, tag, ha="center", va="center", size=8, color="black" if tag != "O" else "grey")
    bottom.set_yticks(range(len(best)), [f"{math.exp(one.log_probability):.1%}" for one in best])
    bottom.set_xticks([])
    bottom.set(xlim=top.get_xlim(), ylim=(len(best) - 0.5, -0.5))
    bottom.set_title("The five best tag sequences", loc="left")
    bottom.spines[:].set_visible(False)
    figure.savefig(target, dpi=110, metadata={"Software": None})


if __name__ == "__main__":
    draw(sys.argv[1], TARGET)
