"""Sentences for engines, and each sentence's results together with others and alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from tagsmith.engine import Engine
from tagsmith.tensors import Floats

ODD = [["Ünknown", "日本", "🙂", "x" * 300, "1984", "B-52"], ["the"], [".", ".", "."]]


def together_and_alone(run: Callable[[Any], Floats], engine: Engine) -> Iterator[tuple[Floats, Floats]]:
    """Each sentence's rows of what ``run`` returns, in a batch and alone, with the batch in two orders."""
    for order in (ODD, ODD[::-1]):
        ends = np.cumsum([len(sentence) for sentence in order])[:-1]
        for rows, sentence in zip(np.split(run(engine.read(order)), ends), order, strict=True):
            yield rows, run(engine.read([sentence]))


@pytest.fixture
def dirty_arrays(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Fill NumPy's fresh arrays with NaN. Holds, for each array made without content, the function that made it."""
    made: list[str] = []

    def filled(name: str, create: Callable[..., np.ndarray]) -> Callable[..., np.ndarray]:
        def dirty(*args: Any, **kwargs: Any) -> np.ndarray:
            made.append(name)
            array = create(*args, **kwargs)
            array.fill(np.nan if array.dtype.kind == "f" else 10**9)
            return array

        return dirty

    for name in ("empty", "empty_like"):
        monkeypatch.setattr(np, name, filled(name, getattr(np, name)))
    return made
