from __future__ import annotations

import pytest

from tagsmith.cli.printing.transition_tables import STRONGEST, print_transitions
from tagsmith.quality.transitions import learned_transitions
from tests.support.handmade import SMALL, random_model

Captured = pytest.CaptureFixture[str]


def printed(capsys: Captured, labels: list[str], head: dict[str, str] | None = None) -> list[str]:
    print_transitions(learned_transitions(random_model(1, labels=labels, settings={**SMALL, **(head or {})})))
    return capsys.readouterr().out.splitlines()


def test_a_softmax_has_none(capsys: Captured):
    found = printed(capsys, ["X"], {"head.kind": "softmax"})
    assert found == ["", "no transitions: a softmax scores every word's tag on its own"]


def test_the_map_has_a_row_and_a_column_a_tag_and_marks_what_is_never_taken(capsys: Captured):
    lines = printed(capsys, ["X"])
    assert lines[1].startswith("transitions: from a tag (down)")
    assert lines[2].split() == ["1", "2", "3", "4", "5", "end"]
    rows = [line.split() for line in lines[3:9]]
    assert [row[0] for row in rows] == ["O", "B-X", "I-X", "E-X", "S-X", "(start)"]
    inside = next(row for row in rows if row[0] == "I-X")
    assert [cell == "·" for cell in inside[2:]] == [True, True, False, False, True, True]


def test_the_strongest_and_the_weakest_are_listed_in_order(capsys: Captured):
    lines = printed(capsys, ["X", "Y"])
    start = next(i for i, line in enumerate(lines) if line.startswith("strongest"))
    rows = [line.split() for line in lines[start + 1 : start + 1 + STRONGEST]]
    strong, weak = [float(row[3]) for row in rows], [float(row[7]) for row in rows]
    assert strong == sorted(strong, reverse=True)
    assert weak == sorted(weak)
    assert strong[0] > weak[0]


def test_forbidden_steps_are_counted_and_listed_by_letters(capsys: Captured):
    lines = printed(capsys, ["X"])
    start = next(i for i, line in enumerate(lines) if line.startswith("forbidden: "))
    assert lines[start + 1].split()[:2] == ["after", "never"]
    assert any(line.split()[0] == "B" for line in lines[start + 2 :])


def test_bigram_potentials_are_said_to_be_biases(capsys: Captured):
    assert any("biases" in line for line in printed(capsys, ["X"], {"head.potentials": "bigram"}))


def test_a_map_that_does_not_fit_shows_signs_or_is_left_out(capsys: Captured):
    signs = printed(capsys, [f"T{i:02}" for i in range(20)])
    assert set(signs[3].split()[2:]) <= {"+", "-", "·"}
    too_wide = printed(capsys, [f"T{i:02}" for i in range(40)])
    assert too_wide[2].startswith("(the heat map needs ")
    assert too_wide[2].endswith("of which there are 320; --picture OUT.html has it)")
