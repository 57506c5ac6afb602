from __future__ import annotations

import dataclasses
import html
import json
import re
from pathlib import Path

import numpy as np
import pytest

from tagsmith import store
from tests.support.handmade import lexicon_model
from tests.support.shell import run

GOLD = """\
Jay B-PER
<b> O
India B-ORG

Mira B-PER
Okafor I-PER
Raj I-PER
saw O
nobody B-PER
"""


@pytest.fixture
def model(tmp_path: Path) -> Path:
    known = dataclasses.replace(lexicon_model(), without_vector=np.array([4]))  # india
    store.save(known, tmp_path / "m.safetensors")
    return tmp_path / "m.safetensors"


@pytest.fixture
def gold(tmp_path: Path) -> Path:
    (tmp_path / "gold.conll").write_text(GOLD)
    return tmp_path / "gold.conll"


def cells(page: str) -> list[list[str]]:
    """The text of the page's table cells, row by row."""
    rows = re.findall(r"<tr>(.*?)</tr>", page, re.DOTALL)
    return [[html.unescape(cell) for cell in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row)] for row in rows]


def test_the_page_has_counts_and_examples_in_context(model: Path, gold: Path, tmp_path: Path):
    result = run("evaluate", model, gold, "--errors", tmp_path / "e.html")
    assert (result.code, result.err) == (0, f"wrote {tmp_path}/e.html\n")
    assert result.out == run("evaluate", model, gold).out
    page = (tmp_path / "e.html").read_text()
    rows = cells(page)
    at = rows.index(["kind", "spans", "% of errors", "meaning"])
    assert [row[:3] for row in rows[at + 1 : at + 7]] == [
        ["right", "1", ""],
        ["type", "1", "33.3"],
        ["boundary", "1", "33.3"],
        ["both", "0", "0.0"],
        ["missed", "1", "33.3"],
        ["invented", "0", "0.0"],
    ]
    assert ["PER", "1", "0", "1", "0", "1", "0", "66.7"] in rows
    assert ["ORG", "0", "1", "0", "0", "0", "0", "100.0"] in rows
    at = rows.index(["", "LOC", "ORG", "PER", "missed"])
    assert rows[at + 1 : at + 5] == [
        ["LOC", "", "", "", ""],
        ["ORG", "1", "", "", ""],
        ["PER", "", "", "2", "1"],
        ["invented", "", "", "", ""],
    ]
    assert ["OOEV", "1", "1", "0", "0.00", "0.00", "0.00", "a word not in the vectors"] in rows
    assert ["1", "Mira Okafor Raj", "boundary", "PER", "PER", "0"] in rows
    assert f"{gold}:3 · type · 1.000" in page
    at = rows.index(["probability from", "predicted", "right", "type", "boundary", "both", "invented", "% wrong"])
    assert rows[at + 1] == ["0.999", "3", "1", "1", "1", "0", "0", "66.7"]
    assert "The 2 wrong predictions with the highest probability" in page
    at = rows.index(["", "", "Jay", "<b>", "India", ""])
    assert (rows[at - 1], rows[at + 1]) == (["gold", "", "PER", "", "ORG"], ["predicted", "", "PER", "", "LOC"])
    at = rows.index(["", "", "Mira", "Okafor", "Raj", "saw", "nobody", ""])
    assert (rows[at - 1], rows[at + 1]) == (["gold", "", "PER", "", "PER"], ["predicted", "", "PER", ""])


def test_the_page_needs_nothing_but_itself_and_everything_is_escaped(tmp_path: Path):
    (tmp_path / "<i>&.conll").write_text("<script>alert(1)</script> B-<u>\n")
    (tmp_path / "p.conll").write_text("<script>alert(1)</script> O\n")
    files = ("--gold", tmp_path / "<i>&.conll", "--predicted", tmp_path / "p.conll")
    assert run("evaluate", *files, "--errors", tmp_path / "e.html").code == 0
    page = (tmp_path / "e.html").read_text()
    assert not re.search(r"<(script|i|u)\b|https?:|<link|<img|@import", page)
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "&lt;u&gt;" in page
    assert "Unknown: two files were compared" in page
    assert "By confidence" not in page


def test_json_has_the_counts_of_the_page(model: Path, gold: Path, tmp_path: Path):
    found = json.loads(run("evaluate", model, gold, "--json", "--errors", tmp_path / "e.html").out)
    errors = found.pop("errors")
    assert found == json.loads(run("evaluate", model, gold, "--json").out)
    assert errors["kinds"] == {"right": 1, "type": 1, "boundary": 1, "both": 0, "missed": 1, "invented": 0}
    assert errors["vocabulary"]["OOBV"]["gold"] == 2
    assert errors["confidence"] == [
        {"from": 0.999, "right": 1, "type": 1, "boundary": 1, "both": 0, "invented": 0},
    ]


def test_plain_tags_have_a_confusion_by_tag(tmp_path: Path):
    made = lexicon_model({"dog": "NOUN", "in": "ADP"}, "plain")
    store.save(dataclasses.replace(made, without_vector=np.array([1])), tmp_path / "m")
    (tmp_path / "x.conll").write_text("dog NOUN\nin NOUN\n")
    result = run("evaluate", tmp_path / "m", tmp_path / "x.conll", "--json", "--errors", tmp_path / "e.html")
    errors = json.loads(result.out)["errors"]
    assert errors["labels"] == {"NOUN": {"right": 1, "type": 1}}
    assert (errors["vocabulary"]["OOEV"]["correct"], errors["vocabulary"]["IV"]["correct"]) == (1, 0)
    page = (tmp_path / "e.html").read_text()
    assert "accuracy 50.00" in page
    assert ["NOUN", "1", "1", "50.0"] in cells(page)
    assert "missed" not in page


def test_examples_that_are_left_out_are_said(tmp_path: Path):
    (tmp_path / "g.conll").write_text("a B-X\n\n" * 150)
    (tmp_path / "p.conll").write_text("a O\n\n" * 150)
    run(
        "evaluate", "--gold", tmp_path / "g.conll", "--predicted", tmp_path / "p.conll", "--errors", tmp_path / "e.html"
    )
    page = (tmp_path / "e.html").read_text()
    assert "150, of which the first 100. Gold is above" in page
    assert page.count('class="example"') == 100


def test_long_sentences_are_cut_around_the_example(tmp_path: Path):
    lines = [f"w{i} O" for i in range(30)]
    lines[20] = "w20 B-X"
    (tmp_path / "g.conll").write_text("\n".join(lines) + "\n")
    (tmp_path / "p.conll").write_text("\n".join(f"w{i} O" for i in range(30)) + "\n")
    run(
        "evaluate", "--gold", tmp_path / "g.conll", "--predicted", tmp_path / "p.conll", "--errors", tmp_path / "e.html"
    )
    assert ["", "…", *(f"w{i}" for i in range(12, 29)), "…"] in cells((tmp_path / "e.html").read_text())


def test_a_place_that_is_read_or_can_not_be_written_is_refused_before_work(model: Path, gold: Path, tmp_path: Path):
    for place in (model, gold):
        content = place.read_bytes()
        result = run("evaluate", model, gold, "--errors", place)
        assert (result.code, result.out) == (1, "")
        assert "a file that is also read" in result.err
        assert place.read_bytes() == content
    assert "no folder that can be written to" in run("evaluate", model, gold, "--errors", tmp_path / "no" / "e").err
