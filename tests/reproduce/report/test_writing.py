"""A report of records made by hand, and that of this repository's records."""

from __future__ import annotations

import shutil
from pathlib import Path

import msgspec

from tagsmith.reproduce.report.writing import write_report
from tagsmith.reproduce.results import Results
from tests.support.handmade_records import EXPECTED_REPORT, make_record

ROOT = Path(__file__).parents[3]


def test_the_report_is_the_expected_one_and_the_same_again(results: Results, tmp_path: Path):
    """``python -m tests.support.handmade_records`` writes the expected report."""
    target = tmp_path / "results.md"
    write_report(results, target)
    assert target.read_text("utf-8") == EXPECTED_REPORT.read_text("utf-8")
    first = target.with_suffix(".html").read_bytes()
    write_report(results, target)
    assert target.read_text("utf-8") == EXPECTED_REPORT.read_text("utf-8")
    assert target.with_suffix(".html").read_bytes() == first


def test_the_results_in_docs_are_up_to_date(tmp_path: Path):
    """``tagsmith reproduce --report docs/results.md`` writes them. A copy is read, as reading may add counts."""
    shutil.copytree(ROOT / "reproduction", tmp_path / "results", ignore=shutil.ignore_patterns("work", "predictions"))
    target = tmp_path / "results.md"
    shutil.copy(ROOT / "docs" / "results.md", target)
    write_report(Results(tmp_path / "results"), target)
    for name in ("results.md", "results.html"):
        written = (tmp_path / name).read_text("utf-8")
        assert written == (ROOT / "docs" / name).read_text("utf-8"), "run: tagsmith reproduce --report docs/results.md"


def test_a_folder_without_any_row_of_a_table_has_a_report(tmp_path: Path):
    results = Results(tmp_path / "results")
    record, predictions = make_record({"training.clip": 1.0})
    results.save(msgspec.structs.replace(record, task="gone"), predictions)
    write_report(results, tmp_path / "results.md")
    report = (tmp_path / "results.md").read_text("utf-8")
    assert (
        f"| gone | training.clip=1.0 | glove.txt | 1 | {record.score('dev'):.2f} | {record.score('test'):.2f} |"
        in report
    )
    assert "Not run yet: ner, chunk" in report
