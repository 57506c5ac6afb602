"""The chain's nll, log-partition and path scores, and their gradients, against all paths written out."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from tagsmith.batching import time_steps
from tagsmith.ops.chain import compiled as kernels
from tagsmith.ops.chain import on_torch as chain_module
from tagsmith.ops.chain.compiled import nll as compiled_nll
from tagsmith.ops.chain.on_torch import LogPartition, TorchChain, nll, path_score
from tests.support.enumeration import TinyChain, tiny_chain, tiny_chains

RAGGED = [[1], [4], [1, 1], [2, 4, 1, 3]]
per_word = pytest.mark.parametrize("per_word", [False, True], ids=["shared", "per word"])


def tensors(chain: TinyChain) -> list[Tensor]:
    return [torch.from_numpy(scores.copy()).requires_grad_() for scores in chain.scores]


def log_partition(lengths: list[int], scores: list[Tensor]) -> Tensor:
    result = LogPartition.apply(*scores, time_steps(np.array(lengths)))
    assert isinstance(result, Tensor)
    return result


def compare_with_enumeration(chain: TinyChain, tolerance: float = 1e-9) -> None:
    scores = tensors(chain)
    found = log_partition(chain.lengths, scores)
    assert found.item() == pytest.approx(sum(chain.log_partitions()), rel=tolerance, abs=tolerance)
    for ours, theirs in zip(torch.autograd.grad(found, scores), chain.expectations(), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=tolerance, atol=tolerance)


@given(tiny_chains)
@settings(max_examples=60, deadline=None)
def test_value_and_marginals_are_those_of_all_paths(chain: TinyChain) -> None:
    compare_with_enumeration(chain)


@per_word
@pytest.mark.parametrize("lengths", RAGGED, ids=str)
def test_the_gradient_is_that_of_finite_differences(lengths: list[int], per_word: bool) -> None:
    scores = tensors(tiny_chain(1, lengths, per_word=per_word))
    if per_word:  # NaN has no finite differences
        scores[1] = scores[1].detach().nan_to_num().requires_grad_()
    steps = time_steps(np.array(lengths))
    assert torch.autograd.gradcheck(lambda *scores: LogPartition.apply(*scores, steps), scores)


@per_word
def test_the_gradient_is_scaled_by_the_one_that_comes_in(per_word: bool) -> None:
    scores = tensors(tiny_chain(2, [2, 3], per_word=per_word))
    once = torch.autograd.grad(log_partition([2, 3], scores), scores)
    thrice = torch.autograd.grad(3 * log_partition([2, 3], scores), scores)
    for one, three in zip(once, thrice, strict=True):
        torch.testing.assert_close(three, 3 * one)


def test_one_matrix_for_all_words_is_the_same_matrix_at_every_word() -> None:
    shared = tiny_chain(3, [3, 1, 5, 2])
    repeated = np.broadcast_to(shared.transitions, (11, 3, 3)).copy()
    chains = [shared, TinyChain(shared.lengths, shared.emissions, repeated, shared.start, shared.end)]
    (one, gradients), (other, word_by_word) = (
        (found.item(), torch.autograd.grad(found, scores))
        for scores in map(tensors, chains)
        for found in [log_partition(shared.lengths, scores)]
    )
    assert one == pytest.approx(other, rel=1e-14)
    torch.testing.assert_close(word_by_word[1].sum(0), gradients[1], rtol=1e-12, atol=1e-12)


@per_word
def test_large_scores_do_not_overflow(per_word: bool) -> None:
    compare_with_enumeration(tiny_chain(3, [4], scale=1e4, per_word=per_word), tolerance=1e-6)


@per_word
def test_marginals_stay_exact_in_float32_over_a_very_long_sentence(per_word: bool) -> None:
    chain = tiny_chain(4, [3_000], per_word=per_word)
    rounded = [scores.detach().float().requires_grad_() for scores in tensors(chain)]
    exact = [scores.detach().double().requires_grad_() for scores in rounded]
    found = torch.autograd.grad(log_partition([3_000], rounded), rounded)
    expected = torch.autograd.grad(log_partition([3_000], exact), exact)
    torch.testing.assert_close(found[0].double(), expected[0], rtol=0, atol=2e-3)
    torch.testing.assert_close(found[1].double(), expected[1], rtol=1e-3, atol=2e-3 if per_word else 0)


@per_word
def test_nothing_is_read_of_what_was_in_memory(dirty_memory: list[str], per_word: bool) -> None:
    compare_with_enumeration(tiny_chain(5, [2, 4, 1, 4], per_word=per_word))
    assert "empty_like" in dirty_memory


@given(tiny_chains, st.integers(0, 2**31))
@settings(max_examples=40, deadline=None)
def test_path_score_adds_up_each_sentences_own_steps(chain: TinyChain, seed: int) -> None:
    words, tags = chain.emissions.shape
    path = np.random.default_rng(seed).integers(0, tags, words)
    expected = sum(chain.path_score(place, tuple(path[list(place)])) for place in chain.ranges)
    emissions, transitions, start, end = tensors(chain)
    steps = time_steps(np.array(chain.lengths))
    found = path_score(emissions, transitions, start, end, torch.from_numpy(path), steps)
    assert found.item() == pytest.approx(expected, rel=1e-12, abs=1e-9)


def gold(chain: TinyChain, seed: int) -> Tensor:
    return torch.from_numpy(np.random.default_rng(seed).integers(0, chain.emissions.shape[1], len(chain.emissions)))


@given(tiny_chains, st.integers(0, 2**31))
@settings(max_examples=40, deadline=None)
def test_on_a_cpu_the_nll_and_its_gradient_are_those_of_pytorchs_log_partition_and_path_score(
    chain: TinyChain, seed: int
) -> None:
    scores, tags, steps = tensors(chain), gold(chain, seed), time_steps(np.array(chain.lengths))
    expected = log_partition(chain.lengths, scores) - path_score(*TorchChain(*scores), tags, steps)
    found = nll(TorchChain(*scores), tags, np.array(chain.lengths))
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-9)
    wanted = torch.autograd.grad(expected, scores)
    for ours, theirs in zip(torch.autograd.grad(found, scores), wanted, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-9)


@per_word
def test_the_gradient_of_the_nll_is_that_of_finite_differences(per_word: bool) -> None:
    chain = tiny_chain(1, [2, 4, 1, 3], per_word=per_word)
    scores, tags = tensors(chain), gold(chain, 2)
    if per_word:  # NaN has no finite differences
        scores[1] = scores[1].detach().nan_to_num().requires_grad_()
    assert torch.autograd.gradcheck(lambda *scores: 3 * nll(TorchChain(*scores), tags, np.array(chain.lengths)), scores)


def test_on_a_cpu_the_compiled_kernel_runs_and_on_a_gpu_pytorch(monkeypatch: pytest.MonkeyPatch) -> None:
    chain = tiny_chain(1, [2, 3])
    ran = []
    monkeypatch.setattr(kernels, "nll", lambda *given: ran.append("compiled") or compiled_nll(*given))
    monkeypatch.setattr(LogPartition, "apply", lambda *given: ran.append("PyTorch") or torch.zeros(()))
    nll(TorchChain(*tensors(chain)), gold(chain, 1), np.array(chain.lengths)).backward()
    assert ran == ["compiled"]
    monkeypatch.setattr(chain_module, "path_score", lambda *given: torch.zeros(()))
    nll(TorchChain(*tensors(chain)), gold(chain, 1).to("meta"), np.array(chain.lengths))
    assert ran == ["compiled", "PyTorch"]


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="PyTorch finds no NVIDIA GPU")
@per_word
def test_a_gpu_gives_the_nll_and_the_gradient_of_the_kernel(per_word: bool) -> None:
    chain = tiny_chain(1, [2, 4, 1, 3], per_word=per_word)
    losses = []
    for device in ("cpu", "cuda"):
        scores = [torch.from_numpy(scores).to(device).requires_grad_() for scores in chain.scores]
        found = nll(TorchChain(*scores), gold(chain, 2).to(device), np.array(chain.lengths))
        losses.append([found.cpu(), *(grad.cpu() for grad in torch.autograd.grad(found, scores))])
    for ours, theirs in zip(*losses, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-9)
