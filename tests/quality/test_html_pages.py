from __future__ import annotations

import re

import numpy as np
import pytest

from tagsmith.metrics import score
from tagsmith.quality.calibration import CalibrationReport
from tagsmith.quality.html_pages import errors_page, reliability_page, transitions_page
from tagsmith.quality.mistakes import ErrorAnalysis, PredictedSentence, analyse
from tagsmith.quality.reliability import measure_reliability
from tagsmith.quality.transitions import TransitionMatrix, learned_transitions
from tagsmith.text import Sentence
from tests.support.handmade import SMALL, random_model


def transitions(**settings: str) -> TransitionMatrix:
    found = learned_transitions(random_model(1, labels=["<b>", "X"], settings={**SMALL, **settings}))
    assert found is not None
    return found


def errors(rows: list[tuple[list[str], list[str], list[str]]], *, spans: bool = True) -> ErrorAnalysis:
    predicted = [PredictedSentence(Sentence(tokens, gold), tags) for tokens, gold, tags in rows]
    return analyse(predicted, score(((gold, tags) for _, gold, tags in rows), spans=spans))


def rows_of(page: str, heading: str) -> list[list[str]]:
    """The cells of the rows in the first table below a heading."""
    table = page.partition(f"<h2>{heading}</h2>")[2].partition("</table>")[0]
    return [
        re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", row, re.DOTALL) for row in re.findall(r"<tr>.*?</tr>", table, re.S)
    ]


class TestTransitions:
    def test_the_map_has_a_cell_for_each_pair_and_dots_for_the_forbidden(self):
        found = transitions()
        page = transitions_page(found, "A title")
        assert "<h1>A title</h1>" in page
        assert page.count("<td style=") == found.allowed.size
        assert page.count("\n·</td>") + page.count(">·</td>") == (~found.allowed).sum()

    def test_labels_are_escaped_and_nothing_is_loaded(self):
        page = transitions_page(transitions(), "<script>")
        assert "S-&lt;b&gt;" in page
        assert not re.search(r"<b>|<script|https?:|src=", page)

    def test_the_strongest_come_first(self):
        found = transitions()
        first = found.ranked()[0]
        assert rows_of(transitions_page(found, ""), "Strongest")[1] == [
            first.before.replace("<b>", "&lt;b&gt;"),
            first.after.replace("<b>", "&lt;b&gt;"),
            f"{first.score:.2f}",
        ]

    def test_bigram_potentials_are_explained(self):
        assert "bigram potentials" in transitions_page(transitions(**{"head.potentials": "bigram"}), "")
        assert "bigram potentials" not in transitions_page(transitions(), "")


@pytest.mark.parametrize("cross_fitted", [True, False])
def test_reliability_has_a_diagram_and_a_row_for_each_bin_that_is_not_empty(cross_fitted: bool):
    before = measure_reliability(np.array([0.1, 0.9, 0.95]), np.array([False, True, False]))
    after = measure_reliability(np.array([0.3, 0.7, 0.7]), np.array([False, True, False]))
    page = reliability_page(CalibrationReport(1.5, before, after, cross_fitted, of_spans=True), "Confidence")
    assert page.count("<svg") == 2
    assert page.count("<circle") == 3 + 2  # 0.9 is in a bin of its own, below 0.95
    assert rows_of(page, "temperature 1")[1:] == [
        ["0.07 – 0.13", "1", "0.100", "0.000"],
        ["0.87 – 0.93", "1", "0.900", "1.000"],
        ["0.93 – 1.00", "1", "0.950", "0.000"],
    ]
    assert ("temperature of the other folds" in page) is cross_fitted


class TestErrors:
    def test_counts_by_kind(self):
        page = errors_page(errors([(["Oslo", "Bern"], ["B-LOC", "B-LOC"], ["B-ORG", "B-LOC"])]), "Errors")
        kinds = {row[0]: row[1] for row in rows_of(page, "By kind")[1:]}
        assert kinds == {"right": "1", "type": "1", "boundary": "0", "both": "0", "missed": "0", "invented": "0"}
        assert rows_of(page, "Frequent strings")[1:] == [["1", "Oslo", "type", "LOC", "ORG", "0"]]

    def test_an_example_is_an_excerpt_with_the_span_marked(self):
        tokens = [f"w{i}" for i in range(30)]
        gold, predicted = ["O"] * 30, ["O"] * 30
        gold[15] = "B-X"
        predicted[2] = "B-X"  # out of the excerpt around the missed span
        page = errors_page(errors([(tokens, gold, predicted)]), "")
        missed = page.partition("<h2>Missed:")[2].partition("<h2>")[0]
        assert re.findall(r"<td>(w\d+)</td>", missed) == [f"w{i}" for i in range(7, 24)]
        assert missed.count("marked") == 1
        assert missed.count("…") == 2

    def test_tokens_and_labels_are_escaped(self):
        page = errors_page(errors([(["<i>"], ["B-<b>"], ["O"])]), "")
        assert "&lt;i&gt;" in page
        assert not re.search(r"<b>|<i>", page)

    def test_plain_tags(self):
        page = errors_page(errors([(["a", "b"], ["NN", "VB"], ["NN", "NN"])], spans=False), "")
        assert "1 tags right: accuracy 50.00." in page
        assert [row[0] for row in rows_of(page, "By kind")[1:]] == ["right", "type"]
        assert "missed" not in page
