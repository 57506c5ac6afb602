"""Measurements: verdicts, refusals and significant digits."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagsmith.bench.measurements import Measurement, MeasurementRefused, MissingRival, significant


class TestVerdict:
    @pytest.mark.parametrize(
        ("value", "bound", "verdict"),
        [(2.5, ">=", "met"), (2.499, ">=", "missed"), (2.5, "<=", "met"), (2.501, "<=", "missed")],
    )
    def test_a_target_is_met_up_to_its_bound(self, value: float, bound: str, verdict: str):
        assert Measurement("ratio", "x", value, bound, 2.5).verdict == verdict  # type: ignore[arg-type]

    def test_without_a_target_there_is_none(self):
        assert Measurement("speed", "tokens/s", 5.0).verdict == ""

    def test_a_failed_check_withholds_the_value(self):
        figure = Measurement("ratio", "x", 9.0, ">=", 2.5).without_value(
            MeasurementRefused("F1 12.00, where evaluate gives 90.85")
        )
        assert (figure.value, figure.refused, figure.verdict) == (None, True, "refused")
        assert figure.note == "F1 12.00, where evaluate gives 90.85"

    def test_a_missing_rival_is_not_measured(self):
        figure = Measurement("ratio", "x", 9.0, ">=", 2.5).without_value(MissingRival("not installed"))
        assert (figure.value, figure.refused, figure.verdict) == (None, False, "not measured")

    def test_json_has_the_verdict(self):
        assert Measurement("ratio", "x", 3.0, ">=", 2.5, "how").as_dict() == {
            "name": "ratio",
            "unit": "x",
            "value": 3.0,
            "bound": ">=",
            "target": 2.5,
            "note": "how",
            "refused": False,
            "verdict": "met",
        }


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (0.04231, "0.0423"),
        (3.9249, "3.92"),
        (-0.1234, "-0.123"),
        (99.9, "99.9"),
        (512.4, "512"),
        (49_613.2, "49,613"),
    ],
)
def test_numbers_have_three_digits(value: float, text: str):
    assert significant(value) == text


@given(st.floats(1e-6, 1e9))
def test_no_number_is_off_by_more_than_half_its_third_digit(value: float):
    assert float(significant(value).replace(",", "")) == pytest.approx(value, rel=0.00501)
