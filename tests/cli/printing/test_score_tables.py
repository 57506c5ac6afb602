from __future__ import annotations

import numpy as np

from tagsmith.cli.printing.score_tables import reliability_table, score_table
from tagsmith.metrics import score
from tagsmith.quality.calibration import CalibrationReport
from tagsmith.quality.reliability import measure_reliability


def test_spans_have_a_row_a_label_a_total_and_the_confusions():
    pairs = [(("B-PER", "O", "B-LOC"), ("B-PER", "O", "O")), (("B-PER",), ("B-PER",))]
    assert score_table(score(pairs, spans=True)).splitlines() == [
        "2 sentences, 4 tokens; accuracy 75.00; 3 spans, 2 predicted, 2 correct",
        "",
        "         precision  recall      F1    gold  predicted  correct",
        "LOC           0.00    0.00    0.00       1          0        0",
        "PER         100.00  100.00  100.00       2          2        2",
        "overall     100.00   66.67   80.00       3          2        2",
        "",
        "tokens by gold label (down) and predicted label (across)",
        "           LOC       O     PER",
        "LOC          0       1       0",
        "O            0       1       0",
        "PER          0       0       2",
    ]


def test_plain_tags_have_no_total():
    table = score_table(score([(("NN", "VB"), ("NN", "NN"))], spans=False))
    assert table.startswith("1 sentences, 2 tokens; accuracy 50.00\n")
    assert "overall" not in table
    assert table.splitlines()[3].split() == ["NN", "50.00", "100.00", "66.67", "1", "2", "1"]


def test_of_many_labels_the_most_mistaken_are_shown():
    gold = [f"T{i:02}" for i in range(20)] + ["T19"]
    predicted = [f"T{(i + 1) % 20:02}" for i in range(20)] + ["T05"]
    table = score_table(score([(gold, predicted)], spans=False))
    assert "(across), the 12 most mistaken of 20\n" in table
    shown = table.splitlines()[-12:]
    assert {"T05", "T19"} <= {line.split()[0] for line in shown}
    assert all(len(line.split()) == 13 for line in shown)


def test_reliability_has_a_line_for_each_bin_that_is_not_empty():
    before = measure_reliability(np.array([0.55, 0.95, 0.96]), np.array([False, True, True]))
    after = measure_reliability(np.array([0.55, 0.75, 0.76]), np.array([False, True, True]))
    table = reliability_table(CalibrationReport(2.0, before, after, False, True))
    lines = table.splitlines()
    assert lines[1] == "confidence of 3 predicted spans"
    assert lines[3] == f"temperature 1: ECE {before.ece:.4f}, Brier {before.brier:.4f}"
    assert lines[4].split() == ["bin", "answers", "probability", "right"]
    assert [line.split()[3:] for line in lines[5:7]] == [["1", "0.550", "0.000"], ["2", "0.955", "1.000"]]
    assert lines[8].startswith("temperature 2: ECE ")
    assert len(lines) == 12
