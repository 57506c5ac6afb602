# pyright: reportCallIssue=false, reportGeneralTypeIssues=false, reportArgumentType=false
# (Triton reads the kernels below, not Python.)
"""Random numbers on a device that depend on the network's seed, the call, and the place in its result alone.

So a network draws the same numbers whatever other networks train with it and however far its batch is padded.
Source: Philox (Salmon et al. 2011), as implemented by Triton.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

_BLOCK = 1024


@triton.jit
def _fill(seeds, site, out, each, BLOCK: tl.constexpr):
    seed = tl.load(seeds + tl.program_id(1)) + site
    place = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    tl.store(out + tl.program_id(1).to(tl.int64) * each + place, tl.rand(seed, place), place < each)


class PhiloxRandom:
    """The random numbers of one training step. Every step must make the same calls in the same order."""

    def __init__(self, seeds: Tensor) -> None:
        """Begin a step with a seed for each network. Shape: [S], int64."""
        self._seeds, self._site = seeds, 0

    def uniform(self, rows: int, columns: int) -> Tensor:
        """Return uniform random numbers in [0, 1). Shape: [S, rows, columns]."""
        out = self._seeds.new_empty(len(self._seeds), rows, columns, dtype=torch.float32)
        each = rows * columns
        _fill[(-(-each // _BLOCK), len(self._seeds))](self._seeds, self._site, out, each, BLOCK=_BLOCK)
        self._site += 1
        return out

    def dropout(self, values: Tensor, rate: float, mask_of: Tensor | None = None, masks: int = 0) -> Tensor:
        """Return the values after dropout, as in ``ops.dropout.on_torch``.

        Shape: values [S, N, D], mask_of [S, N], numbers below ``masks`` -> [S, N, D].
        """
        if rate == 0.0:
            return values
        drawn = self.uniform(values.shape[1] if mask_of is None else masks, values.shape[2])
        mask = (drawn >= rate) / (1 - rate)
        return values * (mask if mask_of is None else mask.gather(1, mask_of[..., None].expand_as(values)))
