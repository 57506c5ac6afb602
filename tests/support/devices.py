"""Kernels for a GPU, run there or through Triton's interpreter."""

from __future__ import annotations

import ctypes

import pytest


def has_gpu() -> bool:
    """Return whether PyTorch finds an NVIDIA GPU. Without a driver it is not asked: its import takes seconds."""
    try:
        ctypes.CDLL("libcuda.so.1")
    except OSError:
        return False
    import torch

    return torch.cuda.is_available()


@pytest.fixture(params=["cpu", pytest.param("cuda", marks=pytest.mark.cuda)])
def device(request: pytest.FixtureRequest) -> str:
    """The device that runs the kernels: the CPU, through the interpreter, or a GPU."""
    if request.param == "cuda" and not has_gpu():
        pytest.skip("PyTorch finds no NVIDIA GPU")
    if request.param == "cpu" and has_gpu():
        pytest.skip("the kernels are compiled here, and run on the GPU")
    return request.param
