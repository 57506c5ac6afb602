from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagsmith import Columns, DataError, Sentence
from tagsmith.metrics import score
from tagsmith.quality.file_comparison import align, compare_files
from tests.support.handmade import DEMO

GOLD = "Jay\tB-PER\nleft\tO\nIndia\tB-LOC\n\nMira\tB-PER\n"


def write(path: Path, content: str) -> Path:
    path.write_text(content)
    return path


@pytest.fixture
def gold(tmp_path: Path) -> Path:
    return write(tmp_path / "gold", GOLD)


def test_a_file_against_itself_is_perfect():
    compared = compare_files(DEMO / "test.conll", DEMO / "test.conll")
    assert (compared.scores.f1, compared.scores.accuracy, len(compared.pairs)) == (100, 100, 96)


def test_tags_are_scored_as_they_are(gold: Path, tmp_path: Path):
    predicted = write(
        tmp_path / "predicted", GOLD.replace("India\tB-LOC", "India\tI-LOC").replace("Mira\tB-PER", "Mira\tO")
    )
    compared = compare_files(gold, predicted)
    assert (compared.scores.overall.correct, compared.scores.overall.gold, compared.scores.correct_tokens) == (2, 3, 2)
    pairs = [(a.tags or (), b.tags or ()) for a, b in compared.pairs]
    assert compared.scores == score(pairs, spans=True)


def test_the_errors_are_counted_by_kind(gold: Path, tmp_path: Path):
    predicted = write(tmp_path / "predicted", GOLD.replace("B-LOC", "B-PER").replace("Mira\tB-PER", "Mira\tO"))
    assert compare_files(gold, predicted).analyse().by_kind() == {"right": 1, "type": 1, "missed": 1}


def test_one_file_may_hold_both_columns(tmp_path: Path):
    both = write(tmp_path / "both", "Jay B-PER O\nIndia B-LOC B-LOC\n")
    compared = compare_files(both, both, columns=Columns(tag=2), predicted_columns=Columns(tag=3))
    assert (compared.scores.overall.gold, compared.scores.overall.predicted) == (2, 1)


def test_plain_tags_are_scored_by_accuracy(tmp_path: Path):
    gold, predicted = write(tmp_path / "a", "dog NOUN\nbarks VERB\n"), write(tmp_path / "b", "dog NOUN\nbarks NOUN\n")
    scores = compare_files(gold, predicted).scores
    assert (scores.spans, scores.score) == (False, 50)


def test_one_wrong_tag_among_span_tags_is_an_error(gold: Path, tmp_path: Path):
    with pytest.raises(DataError, match="predicted:1: found tag 'PER' at token 'Jay'"):
        compare_files(gold, write(tmp_path / "predicted", GOLD.replace("Jay\tB-PER", "Jay\tPER")))


def test_malformed_lines_are_skipped_with_on_bad(gold: Path, tmp_path: Path):
    bad: list[DataError] = []
    compared = compare_files(gold, write(tmp_path / "predicted", f"bad\n{GOLD}"), on_bad=bad.append)
    assert (compared.scores.f1, len(bad)) == (100, 1)


class TestAlign:
    @given(st.lists(st.lists(st.sampled_from("ab"), min_size=1, max_size=3), max_size=4))
    def test_the_same_tokens_are_paired_in_order(self, tokens: list[list[str]]):
        sentences = [Sentence(each) for each in tokens]
        assert list(align(sentences, sentences)) == list(zip(sentences, sentences, strict=True))

    @pytest.mark.parametrize(
        ("predicted", "message"),
        [
            (["a", "x"], "p:8: found token 'x'; expected 'b', as in g:2"),
            (["a"], "p:7: found the end of the sentence; expected 'b', as in g:2"),
            (["a", "b", "c"], "p:9: found token 'c'; expected the end of the sentence, as in g:2"),
        ],
    )
    def test_other_tokens_are_an_error_that_names_both_places(self, predicted: list[str], message: str):
        gold = Sentence(["a", "b"], source="g", lines=[1, 2])
        with pytest.raises(DataError) as caught:
            list(align([gold], [Sentence(predicted, source="p", lines=range(7, 7 + len(predicted)))]))
        assert str(caught.value) == message

    @pytest.mark.parametrize(("gold", "predicted", "missing"), [(1, 2, "gold"), (2, 1, "predicted")])
    def test_a_missing_sentence_is_an_error_that_names_its_counterpart(self, gold: int, predicted: int, missing: str):
        sentences = [Sentence(["a"], source="x", lines=[1]), Sentence(["b"], source="x", lines=[3])]
        with pytest.raises(DataError, match=f"^x:3: found a sentence with no counterpart in the {missing} file"):
            list(align(sentences[:gold], sentences[:predicted]))
