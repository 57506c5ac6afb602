"""Checks of what taggers return."""

from __future__ import annotations

import pytest

from tagsmith import Sentence
from tagsmith.bench.checks import check_output, check_same
from tagsmith.bench.measurements import MeasurementRefused

GOLD = [Sentence(["Jay", "sings"], ["B-PER", "O"]), Sentence(["India"], ["B-LOC"])]


class TestCheckOutput:
    def test_the_score_is_conllevals(self):
        assert check_output({"tags": 3, "spans": [[[0, 1, "PER"]], [[0, 1, "LOC"]]]}, GOLD) == 100.0
        assert check_output({"tags": 3, "spans": [[[0, 1, "PER"]], [[0, 1, "PER"]]]}, GOLD) == 50.0

    @pytest.mark.parametrize(
        ("output", "reason"),
        [
            ({"tags": 2, "spans": [[[0, 1, "PER"]], []]}, "2 tags in 2 sentences for 3 tokens in 2"),
            ({"tags": 3, "spans": [[[0, 1, "PER"]]]}, "3 tags in 1 sentences for 3 tokens in 2"),
            ({"tags": 3, "spans": [[], [[0, 1, "PER"]]]}, "not one span is right"),
        ],
    )
    def test_an_incomplete_or_wrong_output_is_refused(self, output: dict, reason: str):
        with pytest.raises(MeasurementRefused) as refused:
            check_output(output, GOLD)
        assert str(refused.value) == reason


def test_spans_may_differ_in_one_sentence_of_a_thousand():
    many = [[[0, 1, "PER"]]] * 1000
    check_same(many, [[], *many[1:]])
    with pytest.raises(MeasurementRefused, match=r"^2 of 1000 sentences got other spans"):
        check_same(many, [[], [], *many[2:]])
    with pytest.raises(MeasurementRefused, match=r"^1 of 2 sentences"):
        check_same([[], []], [[], [[0, 1, "PER"]]])
