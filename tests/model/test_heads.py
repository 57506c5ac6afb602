"""The heads, their losses and gradients, against all paths written out; and what is read off their chains."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from tagsmith.batching import Alphabets, time_steps
from tagsmith.config import configure
from tagsmith.engine.decoding import Decoder
from tagsmith.model.heads import BigramCRF, Head, SharedCRF, SoftmaxHead
from tagsmith.ops.chain import compiled as kernels
from tagsmith.ops.chain.types import Chain
from tagsmith.schemes import SCHEMES, is_legal
from tagsmith.store import shapes
from tagsmith.vocab import Vocabulary
from tests.support.enumeration import TinyChain

WIDTH = 3
HEADS: dict[str, tuple[type[Head], dict[str, str]]] = {
    "shared": (SharedCRF, {"head.potentials": "shared"}),
    "bigram": (BigramCRF, {"head.potentials": "bigram"}),
    "softmax": (SoftmaxHead, {"head.kind": "softmax"}),
}
LENGTHS = st.lists(st.integers(1, 4), min_size=1, max_size=4)
SCALES = st.sampled_from([0.0, 1.0, 50.0])
SEEDS = st.integers(0, 2**32 - 1)
every_head = pytest.mark.parametrize("kind", HEADS)


def make_head(kind: str, seed: int, tags: int, scale: float = 1.0) -> Head:
    """A head with the weights ``store.shapes`` gives it, in float64."""
    make, chosen = HEADS[kind]
    config = configure(settings={**chosen, "encoder.size": WIDTH, "words.dim": 1})
    none = Alphabets(Vocabulary([""]), Vocabulary([""]), 1, True, True)
    listed = {name: shape for name, shape in shapes(config, none, tags).items() if name.startswith("head.")}
    rng = np.random.default_rng(seed)
    weights = {
        name.removeprefix("head."): nn.Parameter(torch.from_numpy(scale * rng.normal(size=shape)))
        for name, shape in listed.items()
    }
    return make(**weights)


def random_words(seed: int, count: int) -> Tensor:
    return torch.from_numpy(np.random.default_rng(seed).normal(size=(count, 2 * WIDTH))).requires_grad_()


def naive_score(head: Head, words: Tensor, path: tuple[int, ...]) -> Tensor:
    """The score of one path of one sentence, from the weights and the words alone."""
    if not isinstance(head, BigramCRF):
        score = sum((words[i] @ head.weight[k] + head.bias[k] for i, k in enumerate(path)), words.new_zeros(()))
        if isinstance(head, SharedCRF):
            score = score + head.start_transitions[path[0]] + head.end_transitions[path[-1]]
            for a, b in itertools.pairwise(path):
                score = score + head.transitions[a, b]
        return score
    tags = len(head.end_transitions)
    rows = [tags * tags + path[0], *(a * tags + b for a, b in itertools.pairwise(path))]
    score = sum((words[i] @ head.weight[row] + head.bias[row] for i, row in enumerate(rows)), words.new_zeros(()))
    return score + head.end_transitions[path[-1]]


def naive_nll(head: Head, encoded: Tensor, gold: Tensor, lengths: list[int], tags: int) -> Tensor:
    """Mean over the sentences of -log p(their tags), each from the scores of all of its paths."""
    losses = []
    for words, path in zip(encoded.split(lengths), gold.split(lengths), strict=True):
        paths = itertools.product(range(tags), repeat=len(words))
        scores = torch.stack([naive_score(head, words, other) for other in paths])
        losses.append(scores.logsumexp(0) - naive_score(head, words, tuple(path.tolist())))
    return torch.stack(losses).mean()


@every_head
@given(LENGTHS, st.integers(1, 3), SCALES, SEEDS)
@settings(max_examples=25, deadline=None)
def test_nll_and_its_gradients_are_those_of_all_paths(
    kind: str, lengths: list[int], tags: int, scale: float, seed: int
) -> None:
    head, steps = make_head(kind, seed, tags, scale), time_steps(np.array(lengths))
    encoded = random_words(seed, sum(lengths))
    gold = torch.from_numpy(np.random.default_rng(seed).integers(0, tags, sum(lengths)))
    found = head.nll(head(encoded, steps), gold, np.array(lengths))
    expected = naive_nll(head, encoded, gold, lengths, tags)
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-9)
    learned = [encoded, *head.parameters()]
    wanted = torch.autograd.grad(expected, learned, allow_unused=True)
    for ours, theirs in zip(torch.autograd.grad(found, learned, allow_unused=True), wanted, strict=True):
        ours = torch.zeros(()) if ours is None else ours
        theirs = torch.zeros_like(ours) if theirs is None else theirs  # of sentences of one word
        torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-9)


def chain_by_hand(head: Head, encoded: Tensor, lengths: list[int], tags: int) -> TinyChain:
    """The chain of a head, each score read off the score of a path of one or two words."""
    with torch.no_grad():
        if not isinstance(head, BigramCRF):
            emissions = encoded @ head.weight.T + head.bias
            zeros = torch.zeros(tags, tags), torch.zeros(tags), torch.zeros(tags)
            rest = (
                (head.transitions, head.start_transitions, head.end_transitions)
                if isinstance(head, SharedCRF)
                else zeros
            )
            return TinyChain(lengths, emissions.numpy(), *(scores.detach().numpy() for scores in rest))
        transitions = np.full((len(encoded), tags, tags), np.nan)
        emissions = np.zeros((len(encoded), tags))
        firsts = np.cumsum([0, *lengths[:-1]]).tolist()
        for i, word in enumerate(encoded):
            for b in range(tags):
                if i in firsts:
                    emissions[i, b] = word @ head.weight[tags * tags + b] + head.bias[tags * tags + b]
                for a in range(tags) if i not in firsts else ():
                    transitions[i, a, b] = word @ head.weight[a * tags + b] + head.bias[a * tags + b]
        return TinyChain(lengths, emissions, transitions, np.zeros(tags), head.end_transitions.numpy())


@every_head
@pytest.mark.parametrize("constraints", ["scheme", "none"])
@pytest.mark.parametrize(("scheme", "labels"), [("BIOES", [""]), ("IOB2", ["A"]), ("IOB2", [])])
@given(st.lists(st.integers(1, 3), min_size=1, max_size=3), SCALES, SEEDS)
@settings(max_examples=8, deadline=None)
def test_tags_and_marginals_are_those_of_all_legal_paths(
    kind: str, constraints: str, scheme: str, labels: list[str], lengths: list[int], scale: float, seed: int
) -> None:
    names = SCHEMES[scheme].tags(labels)
    head, steps = make_head(kind, seed, len(names), scale), time_steps(np.array(lengths))
    encoded = random_words(seed, sum(lengths))
    chain = Chain(*(scores.detach().numpy() for scores in head(encoded, steps)))
    decoder = Decoder(configure(settings={"scheme": scheme, "decode.constraints": constraints}), names, kernels)

    def legal(path: tuple[int, ...]) -> bool:
        return constraints == "none" or is_legal(SCHEMES[scheme], [names[i] for i in path])

    by_hand = chain_by_hand(head, encoded, lengths, len(names))
    path = decoder.viterbi(chain, np.array(lengths))
    assert [tuple(path[list(words)].tolist()) for words in by_hand.ranges] == by_hand.best(legal)
    marginals = decoder.marginals(chain, np.array(lengths))
    assert marginals.dtype == np.float64
    np.testing.assert_allclose(marginals, by_hand.expectations(legal)[0], rtol=1e-9, atol=1e-9)


def test_softmax_is_a_chain_without_transitions() -> None:
    head, lengths = make_head("softmax", 1, 4), np.array([3, 1, 2])
    steps, gold = time_steps(lengths), torch.randint(4, (6,))
    chain = head(random_words(2, 6), steps)
    torch.testing.assert_close(head.nll(chain, gold, lengths), Head.nll(head, chain, gold, lengths), rtol=1e-12, atol=0)
    arrays = Chain(*(scores.detach().numpy() for scores in chain))
    decoder = Decoder(configure(settings={"scheme": "plain"}), list("abcd"), kernels)
    np.testing.assert_allclose(decoder.marginals(arrays, lengths), chain.emissions.detach().softmax(1), rtol=1e-12)
    assert decoder.viterbi(arrays, lengths).tolist() == chain.emissions.argmax(1).tolist()


def test_a_bigram_head_with_equal_weights_for_all_pairs_of_a_tag_is_a_shared_one() -> None:
    shared, bigram = make_head("shared", 1, 3), make_head("bigram", 2, 3)
    assert isinstance(shared, SharedCRF)
    assert isinstance(bigram, BigramCRF)
    with torch.no_grad():
        bigram.weight.copy_(shared.weight.repeat(4, 1))
        bigram.bias.copy_((shared.bias + torch.cat([shared.transitions, shared.start_transitions[None]])).flatten())
        bigram.end_transitions.copy_(shared.end_transitions)
    lengths, gold, encoded = np.array([3, 1, 2]), torch.randint(3, (6,)), random_words(3, 6)
    one, other = (head.nll(head(encoded, time_steps(lengths)), gold, lengths) for head in (shared, bigram))
    torch.testing.assert_close(one, other, rtol=1e-12, atol=0)


@every_head
def test_heads_are_float32_and_unchanged_under_autocast(kind: str) -> None:
    head, lengths = make_head(kind, 5, 3).float(), np.array([2, 3])
    steps = time_steps(lengths)
    encoded, gold = torch.randn(5, 2 * WIDTH), torch.tensor([0, 1, 2, 0, 1])
    chain = head(encoded, steps)
    nll = head.nll(chain, gold, lengths)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert (encoded @ head.weight.T).dtype == torch.bfloat16  # autocast is on
        cast = head(encoded, steps)
        cast_nll = head.nll(cast, gold, lengths)
        from_half = head(encoded.bfloat16(), steps)
    for found, expected in zip(cast, chain, strict=True):
        assert found.dtype == torch.float32
        assert torch.equal(found, expected)
    assert torch.equal(cast_nll, nll)
    assert all(scores.dtype == torch.float32 for scores in from_half)


@pytest.mark.parametrize(
    ("kind", "count"),
    [
        ("shared", 17 * 401 + 17 * 17 + 2 * 17),
        ("bigram", (17 + 1) * 17 * 401 + 17),
        ("softmax", 17 * 401),
    ],
)
def test_a_head_of_17_tags_over_400_features_has_the_parameters_of_the_paper(kind: str, count: int) -> None:
    config = configure(settings={**HEADS[kind][1], "words.dim": 100})
    none = Alphabets(Vocabulary([""]), Vocabulary([""]), 1, True, True)
    head = {name: shape for name, shape in shapes(config, none, 17).items() if name.startswith("head.")}
    assert sum(int(np.prod(shape)) for shape in head.values()) == count
    assert count == {"shared": 7_140, "bigram": 122_706 + 17, "softmax": 6_817}[kind]
