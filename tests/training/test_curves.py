"""The picture of a training."""

from __future__ import annotations

from pathlib import Path

import pytest
from matplotlib import image

from tagsmith.text import Sentence
from tagsmith.training.curves import curves_beside, draw_curves
from tagsmith.training.history import Epoch
from tests.support.training import SENTENCES, train


def epochs_of(dev: list[Sentence] | None, **settings: object) -> list[Epoch]:
    return train({"training.epochs": 3, **settings}, dev).epochs


@pytest.mark.parametrize(("model", "picture"), [("ner.safetensors", "ner.png"), ("my.model", "my.model.png")])
def test_the_picture_is_beside_the_model(model: str, picture: str) -> None:
    assert curves_beside(Path("out") / model) == Path("out") / picture


@pytest.mark.parametrize("scheme", ["BIOES", "plain"])
@pytest.mark.parametrize("dev", [None, SENTENCES], ids=["without dev", "with dev"])
def test_the_picture_is_a_png_with_something_on_it(tmp_path: Path, dev: list[Sentence] | None, scheme: str) -> None:
    path = tmp_path / "a.png"
    draw_curves(epochs_of(dev, scheme=scheme), path)
    assert path.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    pixels = image.imread(path)
    assert pixels.shape[0] > 300
    assert pixels.shape[1] > 300
    assert pixels.min() < 0.5 < pixels.max()
    assert list(tmp_path.iterdir()) == [path]


def test_a_single_epoch_can_be_drawn(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    draw_curves(epochs_of(SENTENCES, **{"training.epochs": 1}), path)
    assert path.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


def test_the_same_epochs_give_the_same_picture(tmp_path: Path) -> None:
    epochs = epochs_of(SENTENCES)
    draw_curves(epochs, tmp_path / "a.png")
    draw_curves(epochs, tmp_path / "b.png")
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
