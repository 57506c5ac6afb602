"""The environments of rivals, and the script that makes them."""

from __future__ import annotations

import json
import runpy
import sys
from pathlib import Path

import pytest

from tagsmith import DataError
from tagsmith.bench.measurements import MissingRival
from tagsmith.bench.rivals import TAGGERS, Rivals

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


def test_a_missing_rival_is_named_with_the_command_that_makes_it(tmp_path: Path):
    with pytest.raises(MissingRival) as missing:
        Rivals.at(tmp_path).entrant("spacy", {})
    expected = f"not installed; make its environment with: python benchmarks/make_rivals.py {tmp_path} spacy"
    assert str(missing.value) == expected


def test_a_failed_installation_is_named_with_its_reason(tmp_path: Path):
    listed = {
        "flair": {"python": "p", "script": "s", "failed": "ERROR: no wheel"},
        "spacy": {"python": "p", "script": "s"},
    }
    (tmp_path / "rivals.json").write_text(json.dumps(listed))
    rivals = Rivals.at(tmp_path)
    with pytest.raises(MissingRival, match=r"^could not be installed: ERROR: no wheel$"):
        rivals.entrant("flair", {})
    entrant = rivals.entrant("spacy", {"blis": True})
    assert (entrant.python, entrant.job, entrant.options) == ("p", "s", {"blis": True})


@pytest.mark.parametrize("text", ["{", '{"spacy": 5}', '{"spacy": {"python": "p"}}'])
def test_a_malformed_listing_is_refused(tmp_path: Path, text: str):
    (tmp_path / "rivals.json").write_text(text)
    with pytest.raises(DataError, match=r"rivals\.json: found .*; expected what benchmarks/make_rivals\.py writes"):
        Rivals.at(tmp_path)


def test_every_rival_can_be_made_and_has_a_script():
    made = runpy.run_path(str(BENCHMARKS / "make_rivals.py"))["RIVALS"]
    assert {environment for environment, _ in TAGGERS.values()} | {"pytorch-crf"} == set(made)
    for script, packages in made.values():
        assert "def prepare(task):" in (BENCHMARKS / "rivals" / script).read_text()
        assert packages


def test_a_failed_installation_is_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    script = runpy.run_path(str(BENCHMARKS / "make_rivals.py"))
    folder = tmp_path / "rivals"
    (folder / "spacy" / "bin").mkdir(parents=True)
    (folder / "spacy" / "bin" / "python").symlink_to(sys.executable)
    monkeypatch.setitem(script["RIVALS"], "spacy", ("spacy_ner.py", ["--no-such-option"]))
    script["main"](folder, ["spacy"])
    listed = json.loads((folder / "rivals.json").read_text())
    assert listed["spacy"]["failed"].endswith("no such option: --no-such-option")
    with pytest.raises(SystemExit, match="found 'nothing'; expected one of: spacy, crfsuite, flair, pytorch-crf"):
        script["main"](folder, ["nothing"])
