"""A report of records made by hand, to the letter, and the page it also makes."""

from __future__ import annotations

import json
import re
import shutil
import statistics
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tagsmith.errors import DataError
from tagsmith.reproduce.records import Results
from tagsmith.reproduce.report.blocks import Figure, Series, probability, ranges, spread
from tagsmith.reproduce.report.drawing import curves, strip
from tagsmith.reproduce.report.html_report import write_report
from tests.support.handmade_records import make

ROOT = Path(__file__).parents[2]
EXPECTED = Path(__file__).with_name("report.md")
RIVAL = {
    "tool": "python-crfsuite",
    "version": "0.9.11",
    "c1": 0.1,
    "data": {part: {"file": f"{part}.txt", "sha256": f"d{part}"} for part in ("train", "dev", "test")},
    "dev": {"f1": 80.125, "precision": 1.0},
    "test": {"f1": 70.5},
    "seconds": {"training": 1.0, "tagging": 1.0},
}


@pytest.fixture
def results(tmp_path: Path) -> Results:
    """Two seeds of the model, a softmax with one seed, a model without predictions, a task, and a rival's scores."""
    results = Results(tmp_path / "results")
    rows: list[tuple[dict[str, object], dict[str, Any]]] = [
        ({}, {"seed": 1, "right": 0.8}),
        ({}, {"seed": 2, "right": 0.85, "resumed": True}),
        ({"head.kind": "softmax"}, {"seed": 2, "stopped": "patience"}),
        ({"training.epochs": 5}, {"device": "cuda", "processor": "A GPU", "side_by_side": [1, 2]}),
        ({"training.clip": 1.0}, {}),
        ({}, {"task": "pos-upos", "commit": "def", "date": "2026-11-25T01:00:00+00:00"}),
    ]
    for settings, more in rows:
        results.save(*make(settings, **more))
    bare, predictions = make({"head.potentials": "bigram"})
    results.save(msgspec.structs.replace(bare, counts={}), predictions)
    for path in (results.folder / "predictions").iterdir():
        path.unlink()
    (results.folder / "rivals").mkdir()
    other = {**RIVAL, "tool": "<b>spaCy|", "data": {"test": {"file": "t", "sha256": "e"}}}
    (results.folder / "rivals" / "ner.json").write_text(json.dumps([RIVAL, other]))
    return results


def test_the_report_is_made_from_the_records_alone_to_the_letter(results: Results, tmp_path: Path):
    target = tmp_path / "results.md"
    write_report(results, target)
    assert target.read_text("utf-8") == EXPECTED.read_text("utf-8")
    first = target.with_suffix(".html").read_bytes()
    write_report(results, target)
    assert target.read_text("utf-8") == EXPECTED.read_text("utf-8")
    assert target.with_suffix(".html").read_bytes() == first


def test_the_results_of_this_repository_are_what_their_records_give(tmp_path: Path):
    """Of a copy: reading records may complete them."""
    records = sorted((ROOT / "reproduction").glob("*.json"))
    if not records:
        pytest.skip("no records are committed yet")
    shutil.copytree(ROOT / "reproduction", tmp_path / "results", ignore=shutil.ignore_patterns("work", "predictions"))
    target = tmp_path / "results.md"
    shutil.copy(ROOT / "docs" / "results.md", target)
    write_report(Results(tmp_path / "results"), target)
    for name in ("results.md", "results.html"):
        written = (tmp_path / name).read_text("utf-8")
        assert written == (ROOT / "docs" / name).read_text("utf-8"), "write it anew: --report docs/results.md"


def test_what_stands_around_it_stays(results: Results, tmp_path: Path):
    target = tmp_path / "results.md"
    write_report(results, target)
    whole = target.read_text("utf-8")
    head, end = "# Mine\n\nA head.\n\n", "\n## More\n"
    inside = whole.removeprefix("# Results\n\n")
    target.write_text(head + inside.replace("How to read", "old") + end, "utf-8")
    write_report(results, target)
    assert target.read_text("utf-8") == head + inside + end
    target.write_text("# Mine\n")
    with pytest.raises(DataError, match="found a file without a place for the report"):
        write_report(results, target)
    assert target.read_text("utf-8") == "# Mine\n"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("nothing.json", "[]", "found the name nothing.json; expected a task's: ner, chunk"),
        ("ner.json", '[{"tool": 1}]', "found damaged records of rivals"),
    ],
)
def test_odd_records_of_rivals_are_refused(results: Results, tmp_path: Path, name: str, content: str, message: str):
    (results.folder / "rivals" / name).write_text(content)
    with pytest.raises(DataError, match=message):
        write_report(results, tmp_path / "results.md")


class _Reader(HTMLParser):
    """Collects tags in order and notes what would be fetched from elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []
        self.elsewhere: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        self.elsewhere += [name for name, _ in attrs if name in ("src", "href", "xlink:href", "srcset")]
        if tag != "meta":
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_is_whole_escaped_and_needs_nothing_else(results: Results, tmp_path: Path):
    write_report(results, tmp_path / "results.md")
    content = (tmp_path / "results.html").read_text("utf-8")
    reader = _Reader()
    reader.feed(content)
    assert reader.open == []
    assert reader.elsewhere == []
    assert not re.search(r"url\(|@import|<script", content)
    assert "b" not in reader.seen
    assert "rival: <b>spaCy| 0.9.11, on other files" in reader.text
    assert "prefers-color-scheme: dark" in content
    markdown = (tmp_path / "results.md").read_text("utf-8")
    for row in re.findall(r"^\| (.*) \|$", markdown, re.MULTILINE):
        if not row.startswith("---"):
            cells = [cell.replace(r"\|", "|") for cell in re.split(r" (?<!\\)\| ", row)]
            assert all(cell in reader.text for cell in cells)


class TestDrawing:
    figure = Figure(
        'A "<figure>"',
        (
            Series("<one>", ((1, 90.0), (2, 91.0)), ((80.0, 90.0), (81.0, 91.0, 92.0)), paper=92.0),
            Series("two", ((1, 88.0),), ()),
        ),
    )

    def test_every_seed_is_a_point_and_the_paper_a_diamond(self):
        drawn = strip(self.figure)
        places = {title: float(x) for x, title in re.findall(r'cx="([\d.]+)".*?<title>(.*?)</title>', drawn)}
        assert list(places) == ["seed 1: 90.00", "seed 2: 91.00", "seed 1: 88.00"]
        one, two, three = places.values()
        assert two - one == pytest.approx((one - three) / 2)
        assert drawn.count('class="paper"') == 1
        assert "<title>paper: 92.00</title>" in drawn
        assert "&lt;one&gt;" in drawn
        assert "<one>" not in drawn
        assert 'aria-label="A &#34;&lt;figure&gt;&#34;: test scores by seed"' in drawn

    def test_every_seed_is_a_line_higher_where_dev_is_better(self):
        first, second = re.findall(r'points="(.*?)"', curves(self.figure))
        heights = [[float(point.split(",")[1]) for point in line.split()] for line in (first, second)]
        assert [len(line) for line in heights] == [2, 3]
        assert heights[1] == sorted(heights[1], reverse=True)

    def test_equal_scores_have_an_axis_too(self):
        drawn = strip(Figure("one", (Series("one", ((1, 90.0),)),)))
        assert re.findall(r'cx="(.*?)"', drawn) == ["180.0"]


def test_numbers_as_people_read_them():
    values = [90.0, 91.0, 93.5]
    assert spread(values) == f"91.50 ± {statistics.stdev(values):.2f} (90.00 to 93.50)"
    assert (spread([90.126]), spread([])) == ("90.13", "–")
    assert (ranges([3, 1, 2, 7]), ranges([5]), ranges([1, 2, 4, 5])) == ("1-3,7", "5", "1-2,4-5")
    assert (probability(0.0005), probability(0.0336)) == ("< 0.001", "0.034")


def test_a_folder_of_nothing_but_rows_of_no_table_is_a_report_too(tmp_path: Path):
    results = Results(tmp_path / "results")
    record, predictions = make({"training.clip": 1.0})
    results.save(msgspec.structs.replace(record, task="gone"), predictions)
    write_report(results, tmp_path / "results.md")
    report = (tmp_path / "results.md").read_text("utf-8")
    assert (
        f"| gone | training.clip=1.0 | glove.txt | 1 | {record.score('dev'):.2f} | {record.score('test'):.2f} |"
        in report
    )
    assert "Not run yet: ner, chunk" in report


@pytest.mark.parametrize(("task", "has"), [("wnut17", True), ("chinese", False)])
def test_a_task_that_takes_no_vectors_has_no_table_of_them(task: str, has: bool, tmp_path: Path):
    results = Results(tmp_path / "results")
    results.save(*make(task=task, vectors=None))
    write_report(results, tmp_path / "results.md")
    assert (
        "Word vectors (Table 6)" in (tmp_path / "results.md").read_text("utf-8").split("## Tables not run")[0]
    ) == has
