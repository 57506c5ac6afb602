"""Many inputs for one Tagger: in order, lazily, and each by itself."""

from __future__ import annotations

import itertools
import random
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tagsmith import Sentence, Tagger
from tests.support.handmade import lexicon_model, random_model, random_sentences


@pytest.fixture
def known() -> Tagger:
    """A tagger whose answers are known."""
    return Tagger(lexicon_model())


@pytest.fixture(scope="module")
def tiny(tiny_model_path: Path) -> Tagger:
    """A trained tagger, for a moment and not good."""
    return Tagger.load(tiny_model_path)


class TestManyInputs:
    def test_text_sentences_token_lists_and_generators_give_the_same_tags(self, known: Tagger):
        tokens = ["Jay", "is", "from", "India", "."]
        tags = ("B-PER", "O", "O", "B-LOC", "O")
        assert known.tag("Jay is from India.").tags == tags
        assert known.tag(Sentence(tokens)).tags == tags
        for many in (
            ["Jay is from India."],
            [tokens],
            [tuple(tokens)],
            [Sentence(tokens)],
            (t for t in [tokens]),
            iter([Sentence(tokens, ["O"] * 5)]),
        ):
            assert [answer.tags for answer in known.tag(many)] == [tags]

    def test_a_list_of_strings_is_a_list_of_texts(self, known: Tagger):
        answers = list(known.tag(["Jay left.", "", "From India"]))
        assert [answer.tokens for answer in answers] == [("Jay", "left", "."), (), ("From", "India")]

    def test_kinds_may_be_mixed(self, known: Tagger):
        answers = list(known.tag(["Jay left.", ["Mira", "Okafor"], Sentence(["India"]), []]))
        assert [len(answer.spans) for answer in answers] == [1, 1, 1, 0]

    def test_no_inputs_have_no_answers(self, known: Tagger):
        assert list(known.tag([])) == []

    def test_answers_come_in_the_order_of_the_inputs(self, tiny: Tagger):
        inputs = random_sentences(300)
        assert [list(answer.tokens) for answer in tiny.tag(inputs)] == inputs

    @pytest.mark.parametrize("scheme", ["IOB2", "BIOES"])
    def test_an_answer_does_not_depend_on_its_neighbours(self, scheme: str):
        drawn = Tagger(random_model(11, scheme))
        inputs = random_sentences(80, seed=1)
        alone = [drawn.tag(Sentence(tokens)).tags for tokens in inputs]
        assert len(set(alone)) > 50
        assert [answer.tags for answer in drawn.tag(inputs)] == alone
        assert [answer.tags for answer in drawn.tag(inputs[::-1])] == alone[::-1]
        order = random.Random(2).sample(range(80), 80)
        assert [answer.tags for answer in drawn.tag([inputs[i] for i in order])] == [alone[i] for i in order]

    def test_answers_are_the_same_on_both_sides_of_a_window(self, tiny: Tagger, monkeypatch: pytest.MonkeyPatch):
        inputs = random_sentences(100, seed=3)
        whole = list(tiny.tag(inputs))
        monkeypatch.setattr("tagsmith.tagging._WINDOW", 50)
        assert list(tiny.tag(inputs)) == whole

    def test_nothing_is_read_before_the_first_answer_is_asked_for(self, known: Tagger):
        read: list[str] = []
        answers = known.tag(read.append("x") or "Jay" for _ in range(3))
        assert read == []
        assert next(answers).tags == ("B-PER",)

    def test_a_generator_without_end_yields_and_is_read_ahead_by_two_windows(self, known: Tagger):
        read = 0

        def endless() -> Iterator[list[str]]:
            nonlocal read
            for read in range(100_000):
                yield ["Jay", "is", f"number{read}"]
            pytest.fail("all was read before the first answer")

        first = list(itertools.islice(known.tag(endless()), 5))
        assert [answer.tokens[2] for answer in first] == [f"number{i}" for i in range(5)]
        assert read <= 2 * 16_384 // 3

    def test_a_generator_of_empty_texts_without_end_yields_too(self, known: Tagger):
        def endless() -> Iterator[str]:
            yield from [""] * 100_000
            pytest.fail("all was read before the first answer")

        assert next(known.tag(endless())).tokens == ()

    def test_memory_stays_flat_over_a_long_generator(self, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr("tagsmith.tagging._WINDOW", 500)
        monkeypatch.setattr("tagsmith.engine.compiled._INPUTS", 2**16)
        monkeypatch.setattr("tagsmith.engine.word_cache._PRODUCTS", 2**16)
        tagged = Tagger(random_model(1))

        def peak(count: int) -> int:
            tracemalloc.start()
            for answer in tagged.tag([f"a{i}", "word1", "word2", f"b{i}"] for i in range(count)):
                assert len(answer) == 4
            _, highest = tracemalloc.get_traced_memory()
            tracemalloc.stop()
            return highest

        peak(300)
        assert peak(6_000) < peak(300) + 2**20  # all answers together would take ten times as much

    def test_an_error_in_the_input_reaches_the_caller(self, known: Tagger):
        def broken() -> Iterator[str]:
            yield "Jay"
            raise RuntimeError("the source broke")

        with pytest.raises(RuntimeError, match="the source broke"):
            list(known.tag(broken()))


@pytest.mark.parametrize("inputs", [5, b"Jay", {"a": 1}, Path("a.txt")])
def test_inputs_of_another_kind_are_refused(tiny_model_path: Path, inputs: Any):
    with pytest.raises(TypeError, match="expected a string, a Sentence, or an iterable of them"):
        Tagger.load(tiny_model_path).tag(inputs)


@pytest.mark.parametrize("one", [None, 5, b"Jay", {"tokens": ["a"]}])
def test_an_input_of_another_kind_among_many_is_refused(tiny_model_path: Path, one: Any):
    with pytest.raises(TypeError, match="expected a string, a Sentence or a list of tokens"):
        list(Tagger.load(tiny_model_path).tag([one]))
