"""A moving average of the weights, and weights replaced for a while."""

from __future__ import annotations

import pytest
import torch

from tagsmith.errors import ConfigError
from tagsmith.training.averaging import Average, replaced


def test_an_average_follows_the_weights_and_replaces_them_for_a_while() -> None:
    some = {"a": torch.tensor([0.0])}
    average = Average(0.9, some)
    expected = 0.0
    for step, value in enumerate([1.0, 2.0, 3.0], 1):
        some["a"].fill_(value)
        average.update()
        decay = min(0.9, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * value
    with replaced(some, average.means):
        assert some["a"].item() == pytest.approx(expected)
    assert some["a"].item() == 3.0


def test_without_a_decay_there_is_no_average() -> None:
    some = {"a": torch.tensor([1.0])}
    average = Average(0.0, some)
    average.update()
    with replaced(some, average.means):
        assert some["a"].item() == 1.0
    assert average.state() == {}


def test_an_average_without_a_kept_one_starts_at_the_weights_as_they_are() -> None:
    some = {"a": torch.tensor([0.0])}
    average = Average(0.9, some)
    some["a"].fill_(7.0)
    average.load_state({})
    with replaced(some, average.means):
        assert some["a"].item() == 7.0
    assert average.steps == 0


def test_an_average_of_other_weights_is_refused() -> None:
    average = Average(0.9, {"a": torch.tensor([0.0])})
    with pytest.raises(
        ConfigError, match=r"averages in the checkpoint are not those of this training: a is missing, here \[1\]; b is"
    ):
        average.load_state({"b": torch.tensor([0.0]), "steps": torch.tensor([1])})
