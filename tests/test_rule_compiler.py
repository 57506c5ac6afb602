"""Rules in numbers: against all tag sequences written out, for every scheme."""

from __future__ import annotations

from functools import cache
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tagsmith.config import configure
from tagsmith.engine.decoding import ChainKernels, DecodeOptions, Decoder
from tagsmith.errors import DataError
from tagsmith.ops.chain import compiled, reference
from tagsmith.ops.chain.edits import edited
from tagsmith.ops.chain.types import Chain
from tagsmith.rule_compiler import RuleCompiler
from tagsmith.rules import Rule, RuleMatch, Rules
from tagsmith.schemes import SCHEMES, is_legal, read_spans
from tagsmith.text import Span
from tests.support.enumeration import Path, TinyChain, tiny_chain

SPAN = Rule(token=0, label="A")
TAGS = {name: scheme.tags("AB" if len(scheme.tags("AB")) < 8 else "A") for name, scheme in SCHEMES.items()}
TAGS["plain"] = ["A", "B", "C"]
SEEDS = st.integers(0, 2**32 - 1)
every_scheme = pytest.mark.parametrize("scheme", sorted(TAGS))
both_kernels = pytest.mark.parametrize("kernels", [reference, compiled], ids=["reference", "compiled"])


@cache
def legal_paths(scheme: str, length: int) -> list[Path]:
    tags = TAGS[scheme]
    paths = product(range(len(tags)), repeat=length)
    if scheme == "plain":
        return list(paths)
    return [path for path in paths if is_legal(SCHEMES[scheme], [tags[k] for k in path])]


def has_span(scheme: str, path: Path, span: Span) -> bool:
    tags = [TAGS[scheme][k] for k in path]
    if scheme == "plain":
        return set(tags[span.start : span.end]) == {span.label}
    return span in read_spans(tags)


def with_tag(scheme: str, name: str) -> set[int]:
    """The tags that a rule's ``tag`` means: one of them, or all of a label."""
    return {k for k, tag in enumerate(TAGS[scheme]) if name in (tag, tag.partition("-")[2])}


def obeys(scheme: str, path: Path, match: RuleMatch) -> bool:
    """Whether a path follows a hard rule, by what the rule says."""
    rule, at = match.rule, path[match.start : match.end]
    if rule.bonus is not None:
        return True
    if rule.label is not None:
        return has_span(scheme, path, Span(match.start, match.end, rule.label))
    if rule.tag is not None:
        return with_tag(scheme, rule.tag) >= set(at)
    if rule.not_ is not None:
        return not with_tag(scheme, rule.not_) & set(at)
    allowed = {k for label in rule.labels or () for k in with_tag(scheme, label)}
    outside = set() if scheme == "plain" else {TAGS[scheme].index("O")}
    return allowed | outside >= set(at)


def earned(scheme: str, path: Path, match: RuleMatch, length: int) -> float:
    """What a path earns by a rule with a bonus, by what the rule says."""
    rule, words = match.rule, range(match.start, match.end)
    if rule.bonus is None:
        return 0.0
    if rule.tag is not None:
        return rule.bonus * sum(path[word] in with_tag(scheme, rule.tag) for word in words)
    span = Span(match.start, match.end, str(rule.label))
    written = [other for other in legal_paths(scheme, length) if has_span(scheme, other, span)]
    return rule.bonus / len(words) * sum(path[word] in {other[word] for other in written} for word in words)


@st.composite
def matches(draw: st.DrawFn, scheme: str, length: int) -> RuleMatch:
    start = draw(st.integers(0, length - 1))
    end = draw(st.integers(start + 1, length))
    labels = TAGS["plain"] if scheme == "plain" else sorted({tag[2:] for tag in TAGS[scheme]} - {""})
    label, tag = st.sampled_from(labels), st.sampled_from([*TAGS[scheme], *labels])
    bonus = st.sampled_from([None, 1.5, -2.0])
    rule = draw(
        st.builds(Rule, token=st.just(0), label=label, bonus=bonus)
        | st.builds(Rule, tag=tag, bonus=bonus)
        | st.builds(Rule, not_=tag)
        | st.builds(Rule, labels=st.tuples(label))
    )
    return RuleMatch(start, end, rule, f"{start} to {end}: {rule}")


@st.composite
def ruled_sentences(draw: st.DrawFn, scheme: str) -> list[tuple[int, list[RuleMatch]]]:
    """Lengths of a few sentences, with matches in each, or none."""
    lengths = draw(st.lists(st.integers(1, 3), min_size=1, max_size=3))
    return [(length, draw(st.lists(matches(scheme, length), max_size=3))) for length in lengths]


def decoder(scheme: str, kernels: ChainKernels, constraints: str = "scheme") -> Decoder:
    return Decoder(configure(settings={"scheme": scheme, "decode.constraints": constraints}), TAGS[scheme], kernels)


@both_kernels
@every_scheme
@given(st.data(), SEEDS, st.booleans())
@settings(max_examples=15)
def test_answers_are_those_of_all_sequences_that_follow_the_rules_written_out(
    kernels: ChainKernels, scheme: str, data: st.DataObject, seed: int, per_word: bool
):
    """Sentences, scores and matches are drawn; the oracle knows nothing of how a rule is put into a chain."""
    sentences = data.draw(ruled_sentences(scheme))
    lengths, found = [length for length, _ in sentences], [matches for _, matches in sentences]
    drawn = tiny_chain(seed, lengths, len(TAGS[scheme]), per_word=per_word)
    chain = Chain(*(scores.astype(np.float32) for scores in drawn.scores))  # as an engine hands it over
    oracle = TinyChain(lengths, *(scores.astype(np.float64) for scores in chain))
    tokens = [[f"w{word}" for word in range(length)] for length in lengths]
    ruling, reader = RuleCompiler(TAGS[scheme], scheme), decoder(scheme, kernels)

    scores: list[dict[Path, float]] = []
    for words, (length, rules) in zip(oracle.ranges, sentences, strict=True):
        paths = [path for path in legal_paths(scheme, length) if all(obeys(scheme, path, rule) for rule in rules)]
        bonuses = [sum(earned(scheme, path, rule, length) for rule in rules) for path in paths]
        scores.append({p: oracle.path_score(words, p) + bonus for p, bonus in zip(paths, bonuses, strict=True)})
    if not all(scores):
        with pytest.raises(DataError, match="rules that leave no legal tags for 'w0"):
            ruling.apply(found, tokens, chain, reader)
        return

    ruled = ruling.apply(found, tokens, chain, reader)
    answer = reader.answer(ruled, np.array(lengths), DecodeOptions(probabilities=True, marginals=True, best=3))
    assert answer.posteriors is not None
    assert answer.marginals is not None
    assert answer.best is not None
    best, marginals = oracle.by_sentence(answer.path), answer.marginals
    for i, (words, path, of_paths) in enumerate(zip(oracle.ranges, best, scores, strict=True)):
        assert of_paths[path] == pytest.approx(max(of_paths.values()), abs=1e-9)
        weights = np.exp(np.array([*of_paths.values()]) - max(of_paths.values()))
        assert np.exp(answer.posteriors.sentences[i]) == pytest.approx(1 / weights.sum(), abs=1e-9)
        np.testing.assert_allclose(np.exp(answer.best[i][1]), np.sort(weights / weights.sum())[::-1][:3], atol=1e-9)
        expected = np.zeros((len(words), len(TAGS[scheme])))
        for p, probability in zip(of_paths, weights / weights.sum(), strict=True):
            expected[np.arange(len(words)), list(p)] += probability
        np.testing.assert_allclose(marginals[list(words)], expected, rtol=0, atol=1e-9)


def left_by(matches: list[RuleMatch], scheme: str, length: int) -> set[Path]:
    """The legal sequences that some matches leave in a chain where all score 0."""
    tags = len(TAGS[scheme])
    zeros = Chain(np.zeros((length, tags)), np.zeros((tags, tags)), np.zeros(tags), np.zeros(tags))
    oracle = TinyChain([length], *edited(zeros, RuleCompiler(TAGS[scheme], scheme).edits([matches], [length])))
    return {path for path in legal_paths(scheme, length) if oracle.path_score(range(length), path) > -np.inf}


@every_scheme
@pytest.mark.parametrize("length", [1, 2, 3, 4])
def test_a_hard_span_leaves_exactly_the_legal_sequences_that_have_it(scheme: str, length: int):
    for start in range(length):
        for end in range(start + 1, length + 1):
            wanted = {path for path in legal_paths(scheme, length) if has_span(scheme, path, Span(start, end, "A"))}
            assert left_by([RuleMatch(start, end, SPAN, "")], scheme, length) == wanted
            assert wanted


@pytest.mark.parametrize("scheme", sorted(SCHEMES))
def test_two_spans_of_one_label_may_touch(scheme: str):
    (path,) = left_by([RuleMatch(0, 2, SPAN, ""), RuleMatch(2, 4, SPAN, "")], scheme, 4)
    assert [TAGS[scheme][k] for k in path] == SCHEMES[scheme].write([Span(0, 2, "A"), Span(2, 4, "A")], 4)


@pytest.mark.parametrize("scheme", sorted(SCHEMES))
def test_only_iob1_and_ioe1_need_transitions_of_each_word(scheme: str):
    edits = RuleCompiler(TAGS[scheme], scheme).edits([[RuleMatch(1, 2, SPAN, ""), RuleMatch(2, 5, SPAN, "")]], [7])
    assert bool(edits.transitions) == (scheme in ("IOB1", "IOE1"))


@both_kernels
def test_sentences_without_rules_keep_their_bits_beside_others(kernels: ChainKernels):
    for scheme in ("BIOES", "IOB1"):
        chain = Chain(*(s.astype(np.float32) for s in tiny_chain(1, [4, 6, 5], len(TAGS[scheme])).scores))
        lengths, reader = np.array([4, 6, 5]), decoder(scheme, kernels)
        tokens = [["w"] * n for n in (4, 6, 5)]
        ruled = RuleCompiler(TAGS[scheme], scheme).apply([[], [RuleMatch(1, 3, SPAN, "")], []], tokens, chain, reader)
        assert ruled.transitions.ndim == (3 if scheme == "IOB1" else 2)
        plain = reader.marginals(chain, lengths)
        for words in (slice(0, 4), slice(10, 15)):
            assert np.array_equal(reader.marginals(ruled, lengths)[words], plain[words])
            assert np.array_equal(reader.viterbi(ruled, lengths)[words], reader.viterbi(chain, lengths)[words])
        assert not np.allclose(reader.marginals(ruled, lengths)[4:10], plain[4:10])


def test_a_bonus_of_1_multiplies_the_odds_of_a_span_against_none_by_e():
    tags, odds = TAGS["BIOES"], []
    chain = Chain(*tiny_chain(2, [3], len(tags)).scores)
    for found in ([], [RuleMatch(0, 3, Rule(token=0, label="A", bonus=1.0), "")]):
        ruled = RuleCompiler(tags, "BIOES").apply([found], [["w"] * 3], chain, decoder("BIOES", reference))
        oracle = TinyChain([3], *ruled)
        span, none = (tuple(tags.index(tag) for tag in path) for path in (("B-A", "I-A", "E-A"), ("O", "O", "O")))
        odds.append(np.exp(oracle.path_score(range(3), span) - oracle.path_score(range(3), none)))
    assert odds[1] / odds[0] == pytest.approx(np.e)


class TestContradictions:
    def culprits(self, matches: list[RuleMatch], words: str, scheme: str = "BIOES", constraints: str = "scheme") -> str:
        tokens, tags = words.split(), TAGS[scheme]
        chain = Chain(*tiny_chain(1, [len(tokens)], len(tags)).scores)
        with pytest.raises(DataError) as error:
            RuleCompiler(tags, scheme).apply([matches], [tokens], chain, decoder(scheme, reference, constraints))
        return str(error.value)

    def test_the_fewest_rules_are_named_with_their_words(self):
        matches = [
            RuleMatch(0, 6, Rule(labels=("A",)), "f:1"),
            RuleMatch(2, 4, Rule(tokens=("c", "d"), label="A"), "f:2"),
            RuleMatch(0, 1, Rule(tokens=("a",), tag="O"), "f:3"),
            RuleMatch(3, 4, Rule(tokens=("d",), not_="A"), "f:4"),
            RuleMatch(5, 6, Rule(tokens=("f",), label="A", bonus=-3.0), "f:5"),
        ]
        assert self.culprits(matches, "a b c d e f") == (
            "found rules that leave no legal tags for 'a b c d e f': "
            """f:2: {"tokens":["c","d"],"label":"A"} at [2, 4) 'c d'; """
            """f:4: {"tokens":["d"],"not":"A"} at [3, 4) 'd'; expected rules that can hold together"""
        )

    def test_one_rule_alone_can_be_impossible(self):
        said = self.culprits([RuleMatch(0, 1, Rule(token=0, tag="E-A"), "f:1")], "a b")
        assert """f:1: {"token":0,"tag":"E-A"} at [0, 1) 'a'; expected""" in said

    def test_a_third_rule_can_be_what_is_too_much(self):
        matches = [RuleMatch(i, i + 1, Rule(token=i, tag=tag), f"f:{i}") for i, tag in enumerate(["B-A", "A", "O"])]
        matches[1] = RuleMatch(1, 2, Rule(token=1, not_="E-A"), "f:1")
        said = self.culprits(matches, "a b c")
        assert all(name in said for name in ("f:0", "f:1", "f:2"))

    @given(st.data(), st.sampled_from(sorted(TAGS)))
    @settings(max_examples=60)
    def test_those_named_leave_nothing_and_none_of_them_can_be_spared(self, data: st.DataObject, scheme: str):
        drawn = data.draw(st.lists(matches(scheme, 3), min_size=2, max_size=6))
        found = [match._replace(name=f"<{i}>") for i, match in enumerate(drawn)]
        if left_by(found, scheme, 3):
            return
        said = self.culprits(found, "a b c", scheme)
        named = [match for match in found if match.name in said]
        assert not left_by(named, scheme, 3)
        assert all(left_by([other for other in named if other is not match], scheme, 3) for match in named)

    def test_a_long_sentence_with_many_matches_is_searched_quickly(self):
        found = [RuleMatch(i, i + 1, Rule(token=0, tag="O"), f"f:{i}") for i in range(0, 400, 2)]
        said = self.culprits([*found, RuleMatch(199, 202, SPAN, "span")], "w " * 400)
        assert "span: " in said
        assert said.count(" at [") == 2

    def test_without_constraints_only_what_rules_say_counts(self):
        tags = TAGS["BIOES"]
        chain, reader = Chain(*tiny_chain(1, [1], len(tags)).scores), decoder("BIOES", reference, "none")
        ruled = RuleCompiler(tags, "BIOES").apply(
            [[RuleMatch(0, 1, Rule(token=0, tag="E-A"), "")]], [["a"]], chain, reader
        )
        assert [tags[k] for k in reader.viterbi(ruled, np.array([1]))] == ["E-A"]


class TestNames:
    def test_a_label_or_tag_that_the_model_lacks_is_an_error_that_names_those_it_has(self):
        ruling = RuleCompiler(SCHEMES["BIOES"].tags(["LOC", "PER"]), "BIOES")
        with pytest.raises(DataError, match=r"^f:7: found label 'GPE'; expected one of the model's: LOC, PER$"):
            ruling.check(Rules([Rule(token=0, label="LOC"), Rule(token=0, label="GPE")], ["f:6", "f:7"]))
        with pytest.raises(DataError, match=r"label 'O'; expected one of the model's: LOC, PER$"):
            ruling.check(Rules([Rule(labels=("PER", "O"))]))
        with pytest.raises(DataError, match=r"tag 'U-LOC'; expected one of the model's: LOC, PER, O, B-LOC, I-LOC, "):
            ruling.check(Rules([Rule(not_="U-LOC")]))
        ruling.check(Rules([Rule(token=0, tag="O"), Rule(tag="PER"), Rule(not_="S-LOC"), Rule(labels=("LOC",))]))

    def test_labels_of_plain_tags_are_the_tags(self):
        ruling = RuleCompiler(["NN", "O", "B-x"], "plain")
        ruling.check(Rules([Rule(token=0, label="B-x"), Rule(labels=("O", "NN"))]))
        with pytest.raises(DataError, match=r"expected one of the model's: B-x, NN, O$"):
            ruling.check(Rules([Rule(token=0, label="x")]))
