"""Fresh tensors full of NaN, which show where memory is read before it is written."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor


@pytest.fixture
def dirty_memory(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Fill PyTorch's fresh tensors with NaN. Holds, for each one made without content, the function that made it."""
    made: list[str] = []

    def filled(name: str, create: Callable[..., Tensor]) -> Callable[..., Tensor]:
        def dirty(*args: object, **kwargs: object) -> Tensor:
            made.append(name)
            return create(*args, **kwargs).fill_(torch.nan)

        return dirty

    monkeypatch.setattr(torch, "empty", filled("empty", torch.empty))
    monkeypatch.setattr(torch, "empty_like", filled("empty_like", torch.empty_like))
    monkeypatch.setattr(Tensor, "new_empty", filled("new_empty", Tensor.new_empty))
    return made
