"""Probabilities and alternatives through ``Tagger``, and the example of docs/probabilities.md."""

from __future__ import annotations

import dataclasses
import math
import re
import shutil
import tracemalloc
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from tagsmith import Alternative, ConfigError, Sentence, Tagged, TaggedSpan, Tagger, formats
from tagsmith.config import configure, with_constraints
from tagsmith.schemes import SCHEMES, read_spans
from tests.support.handmade import DEMO, lexicon_model, random_model

PAGE = Path(__file__).parents[1] / "docs" / "probabilities.md"
TEXT = "Word1 saw word2 in word3. Then Word4 word5 left! Word6"


@pytest.fixture(scope="module")
def tagger() -> Tagger:
    return Tagger(random_model(5, scale=0.6), threads=1)


def bare(tagged: Tagged) -> Tagged:
    """An answer without its probabilities."""
    spans = tuple(span._replace(probability=None) for span in tagged.spans)
    blank: dict[str, Any] = dict.fromkeys(("token_probabilities", "sentence_probabilities", "alternatives"))
    return dataclasses.replace(tagged, spans=spans, **blank)


def test_an_answer_has_no_probabilities_unless_they_are_asked_for(tagger: Tagger) -> None:
    answer = tagger.tag(TEXT)
    assert (answer.token_probabilities, answer.sentence_probabilities, answer.alternatives) == (None, None, None)
    assert {span.probability for span in answer.spans} == {None}
    assert bare(tagger.tag(TEXT, probabilities=True, best=3)) == answer


def test_probabilities_are_those_of_the_tags_spans_and_sentences_of_the_answer(tagger: Tagger) -> None:
    answer, rows = tagger.marginals(TEXT, scheme="BIOES")  # the scheme of the model
    found = tagger.tag(TEXT, probabilities=True, best=10**6, scheme="BIOES")
    assert len(found.sentences) == 3
    assert answer == bare(found)
    tags = tagger.model.tags
    expected = [row[tags.index(tag)] for row, tag in zip(rows, found.tags, strict=True)]
    np.testing.assert_allclose(found.token_probabilities or (), expected, rtol=1e-9)
    for number, ((start, end), ranked) in enumerate(zip(found.sentences, found.alternatives or (), strict=True)):
        assert math.fsum(math.exp(one.log_probability) for one in ranked) == pytest.approx(1, abs=1e-9)
        assert ranked[0].tags == found.tags[start:end]
        whole = (found.sentence_probabilities or ())[number]
        assert whole == pytest.approx(math.exp(ranked[0].log_probability), abs=1e-9)
        for span in found.spans:
            if start <= span.start < end:
                mass = math.fsum(math.exp(one.log_probability) for one in ranked if is_in(span, one))
                assert span.probability == pytest.approx(mass, abs=1e-9)


def is_in(span: TaggedSpan, alternative: Alternative) -> bool:
    return span._replace(probability=None) in alternative.spans


def test_probabilities_are_the_same_alone_in_a_batch_and_in_any_order(tagger: Tagger) -> None:
    rng = np.random.default_rng(1)
    sentences = [Sentence([f"word{i}" for i in rng.integers(0, 40, n)]) for n in [3, 1, 50, 17, 1, 120, 8]]
    together = list(tagger.tag(sentences, probabilities=True, best=2))
    assert [tagger.tag(sentence, probabilities=True, best=2) for sentence in sentences] == together
    assert list(tagger.tag(sentences[::-1], probabilities=True, best=2)) == together[::-1]
    threads = Tagger(tagger.model, threads=2)
    assert list(threads.tag(sentences, probabilities=True, best=2)) == together


def test_marginals_come_lazily_and_in_order_and_add_up_to_1(tagger: Tagger) -> None:
    texts = [TEXT, "", "word9"]
    answers = tagger.marginals(texts)
    for (tagged, rows), expected in zip(answers, tagger.tag(texts), strict=True):
        assert tagged == expected
        assert rows.shape == (len(tagged), len(tagger.model.tags))
        assert rows.dtype == np.float64
        np.testing.assert_allclose(rows.sum(1), 1.0, rtol=0, atol=1e-12)


def test_an_empty_text_has_empty_probabilities(tagger: Tagger) -> None:
    answer = tagger.tag("", probabilities=True, best=2)
    assert (answer.token_probabilities, answer.sentence_probabilities, answer.alternatives) == ((), (), ())


def test_alternatives_are_placed_in_the_whole_answer_and_written_in_its_scheme(tagger: Tagger) -> None:
    answer = tagger.tag(TEXT, best=5, scheme="IOE1")
    for (start, end), ranked in zip(answer.sentences, answer.alternatives or (), strict=True):
        assert 1 <= len(ranked) <= 5
        assert [one.log_probability for one in ranked] == sorted((one.log_probability for one in ranked), reverse=True)
        for one in ranked:
            spans = read_spans(one.tags)
            assert list(one.tags) == SCHEMES["IOE1"].write(spans, end - start)
            assert [(s.start - start, s.end - start, s.label) for s in one.spans] == spans
            assert all(answer.text[s.start_char : s.end_char] == s.text for s in one.spans)


def test_a_short_sentence_has_fewer_alternatives_than_were_asked_for() -> None:
    answer = Tagger(lexicon_model(), threads=1).tag("Jay", best=100)
    assert answer.alternatives is not None
    (ranked,) = answer.alternatives
    assert ranked[0].tags == ("B-PER",)
    assert len(ranked) == 3  # O, S-LOC, S-PER: no other is legal


def test_spans_below_min_confidence_are_left_out(tagger: Tagger) -> None:
    before = tagger.tag(TEXT, probabilities=True)
    least = sorted(span.probability or 0 for span in before.spans)[len(before.spans) // 2]
    after = tagger.tag(TEXT, min_confidence=least)
    expected = [span for span in before.spans if (span.probability or 0) >= least]
    assert 0 < len(expected) < len(before.spans)
    assert [span._replace(probability=None) for span in after.spans] == [s._replace(probability=None) for s in expected]
    assert len(after.tags) == len(after.token_probabilities or ()) == len(after)
    for start, end in after.sentences:
        spans = [
            (span.start - start, span.end - start, span.label) for span in after.spans if start <= span.start < end
        ]
        assert read_spans(after.tags[start:end]) == spans
    outside = [i for i, (a, b) in enumerate(zip(before.tags, after.tags, strict=True)) if a != b]
    rows = tagger.marginals(TEXT)[1]
    assert outside
    for i in outside:
        assert after.tags[i] == "O"
        assert (after.token_probabilities or ())[i] == pytest.approx(rows[i][tagger.model.tags.index("O")], rel=1e-9)
    assert tagger.tag(TEXT, min_confidence=0.0) == before
    assert tagger.tag(TEXT, min_confidence=1.0).spans == ()


def test_plain_tags_have_probabilities_of_tokens_and_sentences_and_no_spans() -> None:
    tagger = Tagger(lexicon_model({"a": "DT", "bird": "NN"}, scheme="plain"), threads=1)
    answer = tagger.tag(Sentence(["a", "bird"]), probabilities=True, best=2)
    assert answer.spans == ()
    assert len(answer.token_probabilities or ()) == 2
    assert len(answer.sentence_probabilities or ()) == 1
    assert [one.spans for ranked in answer.alternatives or () for one in ranked] == [(), ()]
    with pytest.raises(ConfigError, match="plain tags"):
        tagger.tag("a bird", min_confidence=0.5)


@pytest.mark.parametrize("best", [0, -1, 1.5, "2"])
def test_a_best_that_is_no_whole_number_from_1_is_refused(tagger: Tagger, best: Any) -> None:
    with pytest.raises(ConfigError, match=f"best {best!r}: expected a whole number from 1"):
        tagger.tag("word1", best=best)


@pytest.mark.parametrize("p", [-0.1, 1.01, math.nan])
def test_a_min_confidence_that_is_no_probability_is_refused(tagger: Tagger, p: float) -> None:
    with pytest.raises(ConfigError, match="expected a probability, from 0 to 1"):
        tagger.tag("word1", min_confidence=p)


def test_the_plain_engine_gives_the_same_probabilities(tagger: Tagger) -> None:
    plain = Tagger(tagger.model, compiled=False)
    one, other = (each.tag(TEXT, probabilities=True, best=3) for each in (tagger, plain))
    assert bare(one) == bare(other)
    np.testing.assert_allclose(one.token_probabilities or (), other.token_probabilities or (), atol=1e-4)
    np.testing.assert_allclose(one.sentence_probabilities or (), other.sentence_probabilities or (), atol=1e-4)


class TestTemperature:
    def test_it_is_saved_in_the_model_and_old_files_have_1(self, tagger: Tagger, tmp_path: Path) -> None:
        decode = msgspec.structs.replace(tagger.model.config.decode, temperature=2.5)
        config = msgspec.structs.replace(tagger.model.config, decode=decode)
        warm = Tagger(dataclasses.replace(tagger.model, config=config), threads=1)
        warm.save(tmp_path / "warm")
        loaded = Tagger.load(tmp_path / "warm", threads=1, constraints="scheme")
        assert loaded.model.config.decode.temperature == 2.5
        answer = loaded.tag(TEXT, probabilities=True)
        assert answer == warm.tag(TEXT, probabilities=True)
        assert bare(answer) == tagger.tag(TEXT)
        cold = tagger.tag(TEXT, probabilities=True)
        assert all(
            a < b for a, b in zip(answer.sentence_probabilities or (), cold.sentence_probabilities or (), strict=True)
        )
        assert configure(settings={}).decode.temperature == 1.0

    def test_other_constraints_leave_it_as_it_is(self) -> None:
        config = configure(settings={"decode.temperature": 1.7})
        assert with_constraints(config, "none").decode.temperature == 1.7

    @pytest.mark.parametrize("value", ["0", "-1", "nan", "inf"])
    def test_it_is_a_positive_number(self, value: str) -> None:
        with pytest.raises(ConfigError, match="temperature"):
            configure(settings={"decode.temperature": value})


def test_the_example_of_the_page_runs(
    tiny_model_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copy(tiny_model_path, tmp_path / "demo.safetensors")
    shutil.copy(DEMO / "test.conll", tmp_path / "test.conll")
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"^```python\n(.*?)^```", PAGE.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    assert blocks
    scope: dict[str, Any] = {"__name__": "page"}
    for block in blocks:
        exec(compile(block, PAGE.name, "exec"), scope)
    assert capsys.readouterr().out


def test_on_the_corpus_spans_have_probabilities_between_0_and_1(tiny_model_path: Path) -> None:
    tagger = Tagger.load(tiny_model_path)
    sentences = list(formats.read(DEMO / "test.conll"))
    found = [span.probability for answer in tagger.tag(sentences, probabilities=True) for span in answer.spans]
    assert len(found) > 10
    assert all(p is not None and 0 < p <= 1 for p in found)


def test_the_k_best_of_a_long_sentence_take_no_memory_for_ways_that_are_not_taken():
    tagger = Tagger(random_model(1), compiled=False)
    sentence = Sentence([f"word{i % 30}" for i in range(600)])
    tagger.tag(sentence, best=2)
    tracemalloc.start()
    answer = tagger.tag(sentence, best=60)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert answer.alternatives is not None
    assert len(answer.alternatives[0]) == 60
    # Tags and ranks of every word as they are kept, twice over; all that is sorted would be nine times as much.
    assert peak < 2 * 600 * len(tagger.model.tags) * 60 * 8 + 2**22


def test_no_threads_are_an_error(tiny_model_path: Path):
    with pytest.raises(ConfigError, match="threads 0: expected a whole number from 1"):
        Tagger.load(tiny_model_path, threads=0)


def test_a_confidence_that_is_no_number_is_an_error(tiny_model_path: Path):
    with pytest.raises(ConfigError, match=r"min_confidence '0.5': expected a probability"):
        Tagger.load(tiny_model_path).tag("Jay", min_confidence="0.5")  # type: ignore[call-overload]
