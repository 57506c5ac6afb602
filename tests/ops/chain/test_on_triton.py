"""The chain's Triton kernels against all paths written out: ragged, side by side, NaN where nothing may be read."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.enumeration import Array, TinyChain, forbid, tiny_chain, tiny_chains, whole_numbers

pytest.importorskip("triton", reason="there is no Triton for this system")
from tagsmith.ops.chain.on_triton import log_partition, marginals, nll, viterbi

SEEDS = st.integers(0, 2**32 - 1)
few = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def laid_out(chains: list[TinyChain], device: str, dtype: torch.dtype = torch.float64) -> Any:
    """Chains of the same lengths side by side, with words and a sentence more than there are."""
    words, tags = chains[0].emissions.shape
    poison = np.full((len(chains), words + 3, tags), np.nan)
    poison[:, :words] = [chain.emissions for chain in chains]
    transitions = np.stack([chain.transitions for chain in chains])
    if transitions.ndim == 4:
        more = np.full((len(chains), 3, tags, tags), np.nan)
        transitions = np.concatenate([transitions, more], 1)
    ends = (np.stack([getattr(chain, name) for chain in chains]) for name in ("start", "end"))
    scores = [torch.tensor(part, dtype=dtype, device=device) for part in (poison, transitions, *ends)]
    lengths = torch.tensor([[*chain.lengths, 0] for chain in chains], dtype=torch.int32, device=device)
    return *scores, (lengths.cumsum(1) - lengths).int(), lengths


def twins(chain: TinyChain, seed: int) -> list[TinyChain]:
    """The chain, and another of its shape."""
    other = tiny_chain(seed, chain.lengths, chain.emissions.shape[1], 1.0, chain.transitions.ndim == 3)
    return [chain, other]


def some_tags(chain: TinyChain, seed: int) -> Array:
    words, tags = chain.emissions.shape
    return np.random.default_rng(seed).integers(0, tags, words + 3)


@few
@given(tiny_chains, SEEDS)
def test_the_log_partition_and_its_gradient_are_those_of_all_paths(device: str, chain: TinyChain, seed: int) -> None:
    chains = twins(chain, seed)
    scores = laid_out(chains, device)
    for part in scores[:4]:
        part.requires_grad_()
    found = log_partition(*scores)
    found.sum().backward()
    for s, one in enumerate(chains):
        expected = [*one.log_partitions(), 0.0]
        np.testing.assert_allclose(found[s].detach().cpu(), expected, rtol=1e-9, atol=1e-9)
        for part, used in zip(scores[:4], one.expectations(), strict=True):
            assert part.grad is not None
            gradient = part.grad[s].cpu().numpy()
            np.testing.assert_allclose(gradient[: len(used)], used, rtol=1e-7, atol=1e-9)
            assert not gradient[len(used) :].any()  # nothing at words in no sentence


@few
@given(tiny_chains, SEEDS)
def test_the_nll_is_that_of_the_gold_path(device: str, chain: TinyChain, seed: int) -> None:
    chains = twins(chain, seed)
    tags = np.stack([some_tags(one, seed + s) for s, one in enumerate(chains)])
    scores = laid_out(chains, device)
    for part in scores[:4]:
        part.requires_grad_()
    found = nll(*scores, tags=torch.tensor(tags, dtype=torch.int32, device=device))
    weight = torch.arange(1.0, found.shape[1] + 1, dtype=torch.float64, device=device)  # each sentence's own
    (found * weight).sum().backward()
    for s, one in enumerate(chains):
        words, gradient = len(one.emissions), np.zeros((len(one.emissions) + 3, one.emissions.shape[1]))
        paths = one.by_sentence(tags[s, :words])
        for b, (place, path, total) in enumerate(zip(one.ranges, paths, one.log_partitions(), strict=True)):
            score = one.path_score(place, path)
            tolerance = 1e-9 * max(1.0, abs(total), abs(score))
            assert found[s, b].item() == pytest.approx(total - score, rel=1e-9, abs=tolerance)
            alone = TinyChain(
                [len(place)],
                one.emissions[place.start : place.stop],
                one.transitions[place.start : place.stop] if one.transitions.ndim == 3 else one.transitions,
                one.start,
                one.end,
            )
            gradient[place.start : place.stop] = alone.expectations()[0]
            gradient[list(place), list(path)] -= 1
            gradient[place.start : place.stop] *= b + 1
        assert scores[0].grad is not None
        np.testing.assert_allclose(scores[0].grad[s].cpu(), gradient, rtol=1e-7, atol=1e-8)


@few
@given(tiny_chains, SEEDS)
def test_marginals_are_those_of_all_paths(device: str, chain: TinyChain, seed: int) -> None:
    chains = twins(chain, seed)
    found = marginals(*laid_out(chains, device)).cpu().numpy()
    for s, one in enumerate(chains):
        np.testing.assert_allclose(found[s, : len(one.emissions)], one.expectations()[0], rtol=1e-7, atol=1e-9)
        assert not found[s, len(one.emissions) :].any()


@few
@given(tiny_chains, SEEDS, st.sampled_from(["as it is", "steps forbidden", "whole numbers"]))
def test_viterbi_finds_the_best_path_and_of_equal_ones_the_lower(
    device: str, chain: TinyChain, seed: int, kind: str
) -> None:
    if kind == "steps forbidden":
        chain = forbid(chain, seed)
    if kind == "whole numbers":
        chain = whole_numbers(chain, seed)
    found = viterbi(*laid_out([chain, chain], device)).cpu().numpy()
    for path in found:
        assert chain.by_sentence(path[: len(chain.emissions)]) == chain.best()
        assert not path[len(chain.emissions) :].any()


@pytest.mark.parametrize("tags", [17, 33])
@pytest.mark.parametrize("per_word", [False, True], ids=["shared", "bigram"])
def test_many_tags_in_float32(device: str, tags: int, per_word: bool) -> None:
    chain = tiny_chain(0, [2, 1], tags, 1.0, per_word)
    scores = laid_out([chain], device, torch.float32)
    np.testing.assert_allclose(log_partition(*scores)[0, :2].cpu(), chain.log_partitions(), rtol=1e-5)
    np.testing.assert_allclose(marginals(*scores)[0, :3].cpu(), chain.expectations()[0], rtol=1e-4, atol=1e-6)
    assert chain.by_sentence(viterbi(*scores)[0, :3].cpu().numpy()) == chain.best()


def test_a_long_sentence_keeps_its_precision_in_float32(device: str) -> None:
    # Every step is certain, and the score runs up to 10,000: beside that, float32 knows no probabilities.
    words, tags = 40, 2
    emissions = np.zeros((words, tags))
    emissions[:, 0] = 250.0
    chain = TinyChain([words], emissions, np.zeros((tags, tags)), np.zeros(tags), np.zeros(tags))
    found = marginals(*laid_out([chain], device, torch.float32))[0, :words].cpu().numpy()
    np.testing.assert_allclose(found, np.tile([1.0, 0.0], (words, 1)), atol=1e-6)


def test_weights_of_networks_may_lie_apart(device: str) -> None:
    """As they do where all weights of a network are one row."""
    chains = twins(tiny_chain(0, [3, 2]), 1)
    emissions, transitions, start, end, *sentences = laid_out(chains, device)
    row = torch.cat([transitions.flatten(1), start, end], 1)
    apart = row[:, :9].unflatten(1, (3, 3)), row[:, 9:12], row[:, 12:]
    together = log_partition(emissions, transitions, start, end, *sentences)
    torch.testing.assert_close(log_partition(emissions, *apart, *sentences), together)
    paths = viterbi(emissions, *apart, *sentences).cpu().numpy()
    for chain, path in zip(chains, paths, strict=True):
        assert chain.by_sentence(path[:5]) == chain.best()
