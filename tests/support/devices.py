"""Kernels for a GPU, run there or through Triton's interpreter."""

from __future__ import annotations

import pytest
import torch


@pytest.fixture(params=["cpu", pytest.param("cuda", marks=pytest.mark.cuda)])
def device(request: pytest.FixtureRequest) -> str:
    """Where the kernels run: through the interpreter, or on a GPU."""
    has_gpu = torch.cuda.is_available()
    if request.param == "cuda" and not has_gpu:
        pytest.skip("PyTorch finds no NVIDIA GPU")
    if request.param == "cpu" and has_gpu:
        pytest.skip("the kernels are compiled here, and run on the GPU")
    return request.param
