"""Probabilities of tags, spans and sentences, and the k best: against all legal sequences written out."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tagsmith.config import configure
from tagsmith.engine.compiled import NumbaEngine
from tagsmith.engine.decoding import ChainKernels, DecodeOptions, Decoder
from tagsmith.engine.on_torch import TorchEngine
from tagsmith.engine.plain import NumpyEngine
from tagsmith.ops.chain import compiled, reference
from tagsmith.ops.chain.types import Chain
from tagsmith.schemes import SCHEMES, is_legal, read_spans
from tagsmith.text import Span
from tests.support.enumeration import Path, TinyChain, tiny_chain, whole_numbers
from tests.support.handmade import random_model

LENGTHS = st.lists(st.integers(1, 4), min_size=1, max_size=3)
SEEDS = st.integers(0, 2**32 - 1)
SCALES = st.sampled_from([0.0, 1.0, 50.0])
TEMPERATURES = st.sampled_from([0.5, 1.0, 3.0])
both_kernels = pytest.mark.parametrize("kernels", [reference, compiled], ids=["reference", "compiled"])
both_constraints = pytest.mark.parametrize("constraints", ["scheme", "none"])
every_scheme = pytest.mark.parametrize("scheme", [*sorted(SCHEMES), "plain"])


def decoder(
    kernels: ChainKernels, scheme: str, tags: list[str], constraints: str = "scheme", temperature: float = 1.0
) -> Decoder:
    chosen = {"scheme": scheme, "decode.constraints": constraints, "decode.temperature": temperature}
    return Decoder(configure(settings=chosen), tags, kernels)


def tags_of(scheme: str, labels: int) -> list[str]:
    """The scheme's tags for so many labels; for plain tags, so many tags."""
    return SCHEMES[scheme].tags("AB"[:labels]) if scheme in SCHEMES else ["NN", "I-x", "B-x"][:labels]


@lru_cache
def spelled(scheme: str, tags: tuple[str, ...], path: Path) -> tuple[bool, frozenset[Span]]:
    """Whether the scheme writes this path, and the spans it spells."""
    if scheme not in SCHEMES:
        return True, frozenset()
    names = [tags[k] for k in path]
    return is_legal(SCHEMES[scheme], names), frozenset(read_spans(names))


class Oracle:
    """All sequences of a tiny chain with what they spell and their probabilities."""

    def __init__(self, chain: TinyChain, scheme: str, tags: list[str], constraints: str) -> None:
        self.chain, self._scheme, self._tags, self._constraints = chain, scheme, tuple(tags), constraints
        self.log_probabilities = chain.probabilities(self.legal)

    def legal(self, path: Path) -> bool:
        return self._constraints == "none" or spelled(self._scheme, self._tags, path)[0]

    def spans(self, sentence: int) -> dict[Span, float]:
        """Every span that some sequence spells, with its probability."""
        found: dict[Span, list[float]] = {}
        for path, log_probability in self.log_probabilities[sentence].items():
            for span in spelled(self._scheme, self._tags, path)[1]:
                found.setdefault(span, []).append(math.exp(log_probability))
        return {span: math.fsum(masses) for span, masses in found.items()}

    def spans_of(self, sentence: int, path: Path) -> list[Span]:
        return sorted(spelled(self._scheme, self._tags, path)[1])

    def tokens(self, sentence: int, path: Path) -> list[float]:
        found = self.log_probabilities[sentence].items()
        return [math.fsum(math.exp(p) for other, p in found if other[i] == tag) for i, tag in enumerate(path)]


def forbidding(chain: TinyChain, seed: int) -> TinyChain:
    """The chain with a third of its emissions at -inf, as a rule may put them; tag 0 stays."""
    barred = np.random.default_rng(seed).random(chain.emissions.shape) < 0.3
    barred[:, 0] = False
    return TinyChain(chain.lengths, np.where(barred, -np.inf, chain.emissions), *chain.scores[1:])


def chain_of(chain: TinyChain) -> Chain:
    return Chain(*chain.scores)


def compare(found: Decoder, chain: TinyChain, oracle: Oracle, paths: list[Path]) -> None:
    posteriors = found.posteriors(
        chain_of(chain), np.array([k for path in paths for k in path]), np.array(chain.lengths)
    )
    tokens = [p for i, path in enumerate(paths) for p in oracle.tokens(i, path)]
    np.testing.assert_allclose(posteriors.tokens, tokens, rtol=1e-9, atol=1e-9)
    spans = [oracle.spans(i)[span] for i, path in enumerate(paths) for span in oracle.spans_of(i, path)]
    np.testing.assert_allclose(posteriors.spans, spans, rtol=1e-9, atol=1e-9)
    sentences = [oracle.log_probabilities[i][path] for i, path in enumerate(paths)]
    np.testing.assert_allclose(posteriors.sentences, sentences, rtol=1e-9, atol=1e-9)


@both_kernels
@both_constraints
@every_scheme
@given(LENGTHS, SEEDS, SCALES, TEMPERATURES, st.booleans(), st.booleans(), st.integers(1, 2))
@settings(max_examples=10)
def test_probabilities_are_those_of_all_legal_sequences(
    kernels: ChainKernels,
    scheme: str,
    constraints: str,
    lengths: list[int],
    seed: int,
    scale: float,
    temperature: float,
    per_word: bool,
    ruled: bool,
    labels: int,
) -> None:
    tags = tags_of(scheme, labels)
    lengths = [min(length, 3) for length in lengths] if len(tags) > 5 else lengths
    chain = tiny_chain(seed, lengths, len(tags), scale, per_word)
    chain = forbidding(chain, seed) if ruled else chain
    found = decoder(kernels, scheme, tags, constraints, temperature)
    oracle = Oracle(chain.over(temperature), scheme, tags, constraints)
    paths = oracle.chain.best(oracle.legal)
    assert chain.by_sentence(found.viterbi(chain_of(chain), np.array(lengths))) == paths
    compare(found, chain, oracle, paths)
    rng = np.random.default_rng(seed)
    possible = oracle.chain.ranked(oracle.legal)  # and any other path, however improbable
    compare(found, chain, oracle, [ranked[rng.integers(len(ranked))] for ranked in possible])


@both_kernels
def test_a_span_in_bio_ends_before_a_tag_that_does_not_continue_it_or_at_the_end(kernels: ChainKernels) -> None:
    tags = ["O", "B-A", "I-A"]
    flat = tiny_chain(0, [2], 3, scale=0.0)
    found = decoder(kernels, "IOB2", tags)
    # The legal ones: O O, O B, B O, B B, B I. Two have the span [0, 1), one the span [0, 2).
    posteriors = found.posteriors(chain_of(flat), np.array([1, 1]), np.array([2]))
    np.testing.assert_allclose(posteriors.spans, [2 / 5, 2 / 5])
    np.testing.assert_allclose(posteriors.tokens, [3 / 5, 2 / 5])
    np.testing.assert_allclose(np.exp(posteriors.sentences), [1 / 5])
    np.testing.assert_allclose(found.posteriors(chain_of(flat), np.array([1, 2]), np.array([2])).spans, [1 / 5])


@both_kernels
@both_constraints
@every_scheme
@given(LENGTHS, SEEDS, SCALES, TEMPERATURES, st.booleans(), st.integers(1, 12))
@settings(max_examples=8)
def test_the_k_best_are_the_first_of_all_legal_sequences(
    kernels: ChainKernels,
    scheme: str,
    constraints: str,
    lengths: list[int],
    seed: int,
    scale: float,
    temperature: float,
    ties: bool,
    k: int,
) -> None:
    tags = tags_of(scheme, 1)
    chain = forbidding(tiny_chain(seed, lengths, len(tags), scale), seed)
    chain = forbidding(whole_numbers(chain, seed), seed) if ties else chain
    found = decoder(kernels, scheme, tags, constraints, temperature).best(chain_of(chain), np.array(lengths), k)
    oracle, tempered = (Oracle(one, scheme, tags, constraints) for one in (chain, chain.over(temperature)))
    for i, (paths, log_probabilities) in enumerate(found):
        ranked = exactly_ranked(oracle, i)[:k]
        assert list(map(tuple, paths.tolist())) == ranked
        expected = [tempered.log_probabilities[i][path] for path in ranked]
        np.testing.assert_allclose(log_probabilities, expected, rtol=1e-9, atol=1e-9)


def exactly_ranked(oracle: Oracle, sentence: int) -> list[Path]:
    """By the scores, which whole numbers make exactly equal, and not by the log-probabilities, which are rounded."""
    words = oracle.chain.ranges[sentence]
    scores = {path: s for path, s in oracle.chain.path_scores(words).items() if oracle.legal(path) and s > -math.inf}
    return sorted(scores, key=lambda path: (-scores[path], path[::-1]))


@both_kernels
@pytest.mark.parametrize("scheme", ["IOB2", "BIOES", "plain"])
def test_all_sequences_of_a_tiny_chain_add_up_to_1_and_there_are_no_more(kernels: ChainKernels, scheme: str) -> None:
    tags = tags_of(scheme, 1)
    chain = tiny_chain(3, [3, 1], len(tags))
    oracle = Oracle(chain, scheme, tags, "scheme")
    found = decoder(kernels, scheme, tags).best(chain_of(chain), np.array([3, 1]), 10_000)
    assert [len(paths) for paths, _ in found] == [len(paths) for paths in oracle.log_probabilities]
    for _, log_probabilities in found:
        assert math.fsum(np.exp(log_probabilities)) == pytest.approx(1, abs=1e-12)


@both_kernels
@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("per_word", [False, True], ids=["shared", "per word"])
def test_the_best_is_the_path_that_viterbi_finds(kernels: ChainKernels, per_word: bool, ties: bool) -> None:
    tags = SCHEMES["BIOES"].tags("ABCD")
    for seed in range(10):
        chain = tiny_chain(seed, [40, 1, 7], len(tags), per_word=per_word)
        chain = whole_numbers(chain, seed) if ties else chain
        scores, lengths = Chain(*(array.astype(np.float32) for array in chain.scores)), np.array(chain.lengths)
        found = decoder(kernels, "BIOES", tags)
        for k in (1, 3):
            best = [tuple(paths[0].tolist()) for paths, _ in found.best(scores, lengths, k)]
            assert best == chain.by_sentence(found.viterbi(scores, lengths))


def parted(seed: int, pieces: int, tags: int) -> tuple[TinyChain, TinyChain]:
    """A long sentence in which every fifth word can only be O, and its pieces between those, each on its own."""
    chain = tiny_chain(seed, [5 * pieces], tags, 2.0)
    chain.emissions[4::5, 1:] = -np.inf
    kept = [word for word in range(5 * pieces) if word % 5 < 4]
    alone = TinyChain(
        [4] * pieces, chain.emissions[kept], chain.transitions, chain.transitions[0], chain.transitions[:, 0]
    )
    return chain, alone


@both_kernels
@pytest.mark.parametrize("scheme", ["IOB2", "BIOES"])
def test_a_sentence_of_500_words_is_as_exact_as_its_pieces(kernels: ChainKernels, scheme: str) -> None:
    tags = SCHEMES[scheme].tags("A")
    chain, alone = parted(5, 100, len(tags))
    chain.start[:] = chain.transitions[0]
    oracle, found = Oracle(alone, scheme, tags, "scheme"), decoder(kernels, scheme, tags)
    lengths = np.array([500])
    pieces = alone.best(oracle.legal)
    path = np.array([k for piece in pieces for k in (*piece, 0)])
    assert found.viterbi(chain_of(chain), lengths).tolist() == path.tolist()
    posteriors = found.posteriors(chain_of(chain), path, lengths)
    spans = [oracle.spans(i)[span] for i, piece in enumerate(pieces) for span in oracle.spans_of(i, piece)]
    tokens = [p for i, piece in enumerate(pieces) for p in (*oracle.tokens(i, piece), 1.0)]
    np.testing.assert_allclose(posteriors.spans, spans, rtol=1e-9)
    np.testing.assert_allclose(posteriors.tokens, tokens, rtol=1e-9)
    whole = math.fsum(oracle.log_probabilities[i][piece] for i, piece in enumerate(pieces))
    np.testing.assert_allclose(posteriors.sentences, [whole], rtol=1e-9)
    np.testing.assert_allclose(found.marginals(chain_of(chain), lengths).sum(1), 1.0, rtol=0, atol=1e-9)


@pytest.mark.parametrize("scale", [1.0, 50.0])
def test_both_kernels_agree_on_long_sentences_of_many_tags(scale: float) -> None:
    tags = SCHEMES["BIOES"].tags("ABCD")
    chain = tiny_chain(6, [500, 1, 83], len(tags), scale)
    one, other = decoder(reference, "BIOES", tags), decoder(compiled, "BIOES", tags)
    lengths = np.array(chain.lengths)
    path = one.viterbi(chain_of(chain), lengths)
    expected, found = (each.posteriors(chain_of(chain), path, lengths) for each in (one, other))
    assert len(found.spans) > 50
    for ours, theirs in zip(found[:3], expected[:3], strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("per_word", [False, True], ids=["shared", "per word"])
def test_a_sentence_gets_the_same_bits_alone_and_in_any_batch_in_any_order(per_word: bool) -> None:
    tags = SCHEMES["BIOES"].tags("ABCD")
    chain = tiny_chain(7, [7, 1, 30, 2, 12, 1], len(tags), 1.0, per_word)
    found = decoder(compiled, "BIOES", tags)

    def answers(order: list[int]) -> list[list[bytes]]:
        words = [word for i in order for word in chain.ranges[i]]
        transitions = chain.transitions[words] if per_word else chain.transitions
        batch = Chain(chain.emissions[words], transitions, chain.start, chain.end)
        lengths = np.array([chain.lengths[i] for i in order])
        answer = found.answer(batch, lengths, DecodeOptions(probabilities=True, best=3))
        assert answer.posteriors is not None
        assert answer.best is not None
        tokens, spans, sentences, places = answer.posteriors
        parts = [
            [tokens[range_].tobytes() for range_ in TinyChain(lengths.tolist(), *chain.scores).ranges],
            [spans[places.sentence == i].tobytes() for i in range(len(order))],
            [p.tobytes() for p in sentences],
            [paths.tobytes() + scores.tobytes() for paths, scores in answer.best],
        ]
        return [[part[order.index(i)] for part in parts] for i in sorted(order)]

    together = answers(list(range(6)))
    assert answers([5, 2, 0, 1, 4, 3]) == together
    assert [answers([i])[0] for i in range(6)] == together


def test_all_engines_read_the_same_answers_off_a_chain() -> None:
    model = random_model(3, scale=0.5)
    sentences = [["word1", "word2", "other", "word3"], ["word4"]]
    plain = NumpyEngine(model)
    batch = plain.read(sentences)
    chain, wanted = plain.chain(batch), DecodeOptions(probabilities=True, marginals=True, best=4)
    expected = plain.decoder.answer(chain, batch.lengths, wanted)
    for engine in (NumbaEngine(model), TorchEngine(model, "cpu")):
        found = engine.decoder.answer(chain, batch.lengths, wanted)
        assert found.path.tolist() == expected.path.tolist()
        np.testing.assert_allclose(found.marginals, expected.marginals, rtol=0, atol=1e-9)  # type: ignore[arg-type]
        for ours, theirs in zip(found.posteriors or (), expected.posteriors or (), strict=True):
            for a, b in zip(np.atleast_1d(ours), np.atleast_1d(theirs), strict=True):
                np.testing.assert_allclose(a, b, rtol=0, atol=1e-9)
        for (paths, scores), (others, their_scores) in zip(found.best or (), expected.best or (), strict=True):
            assert paths.tolist() == others.tolist()
            np.testing.assert_allclose(scores, their_scores, rtol=0, atol=1e-9)


class TestMinConfidence:
    """Spans that are less probable are left out, and the probabilities are those of what stays."""

    @both_kernels
    @both_constraints
    @pytest.mark.parametrize("scheme", sorted(SCHEMES))
    @given(SEEDS, st.sampled_from([0.3, 0.5, 0.9]))
    @settings(max_examples=10)
    def test_only_spans_that_are_probable_enough_stay(
        self, kernels: ChainKernels, scheme: str, constraints: str, seed: int, least: float
    ) -> None:
        tags = tags_of(scheme, 2)
        chain = tiny_chain(seed, [9, 2, 6], len(tags), 1.0)
        found, lengths = decoder(kernels, scheme, tags, constraints), np.array(chain.lengths)
        before = found.answer(chain_of(chain), lengths, DecodeOptions(probabilities=True))
        after = found.answer(chain_of(chain), lengths, DecodeOptions(probabilities=True, min_confidence=least))
        assert before.posteriors is not None
        assert after.posteriors is not None

        def named(answer: Any) -> list[list[Span]]:
            return [read_spans([tags[k] for k in path]) for path in chain.by_sentence(answer.path)]

        probable = iter((before.posteriors.spans >= least).tolist())
        assert named(after) == [[span for span in spans if next(probable)] for spans in named(before)]
        kept = before.posteriors.spans[before.posteriors.spans >= least]
        np.testing.assert_allclose(after.posteriors.spans, kept, rtol=1e-9)
        expected = found.posteriors(chain_of(chain), after.path, lengths)
        for ours, theirs in zip(after.posteriors[:3], expected[:3], strict=True):
            assert ours.tolist() == theirs.tolist()

    def test_of_two_spans_that_touch_in_iob1_the_second_is_written_as_the_first_is_left_out(self) -> None:
        tags = ["O", "I-A", "B-A"]
        chain = tiny_chain(0, [2], 3, scale=0.0)
        chain.emissions[:] = [[0.0, 0.1, 0.0], [-9.0, 0.0, 3.0]]
        found = decoder(compiled, "IOB1", tags)
        path = found.answer(chain_of(chain), np.array([2]), DecodeOptions()).path
        assert [tags[k] for k in path] == ["I-A", "B-A"]
        spans = found.posteriors(chain_of(chain), path, np.array([2])).spans.tolist()
        answer = found.answer(chain_of(chain), np.array([2]), DecodeOptions(True, min_confidence=max(spans)))
        assert [tags[k] for k in answer.path] in (["O", "I-A"], ["I-A", "O"])
        assert answer.posteriors is not None
        assert np.isfinite(answer.posteriors.sentences).all()


def test_temperature_changes_no_tag_and_levels_probabilities() -> None:
    tags = tags_of("BIOES", 2)
    chain, lengths = tiny_chain(9, [12, 3], len(tags)), np.array([12, 3])
    cold, warm = (decoder(compiled, "BIOES", tags, temperature=t) for t in (1.0, 4.0))
    path = cold.viterbi(chain_of(chain), lengths)
    assert warm.viterbi(chain_of(chain), lengths).tolist() == path.tolist()
    one, other = (each.posteriors(chain_of(chain), path, lengths) for each in (cold, warm))
    assert (other.sentences < one.sentences).all()
    same = [[paths.tolist() for paths, _ in each.best(chain_of(chain), lengths, 5)] for each in (cold, warm)]
    assert same[0] == same[1]


@both_kernels
def test_a_path_that_is_not_allowed_has_no_probability(kernels: ChainKernels) -> None:
    tags = tags_of("BIOES", 1)
    chain, lengths = tiny_chain(1, [2], len(tags)), np.array([2])
    path = np.array([tags.index("B-A"), tags.index("O")])
    for wrong in (path, path[::-1]):
        assert decoder(kernels, "BIOES", tags).posteriors(chain_of(chain), wrong, lengths).sentences == -np.inf
