from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tagsmith import Columns, DataError
from tagsmith.quality.data_check import DataCheck, IllegalTag, OddToken, SharedSentence, check_file, odd_characters
from tagsmith.schemes import EXPECTED_TAG, SCHEMES, read_spans
from tests.support.handmade import DEMO


def write(path: Path, content: str) -> Path:
    path.write_text(content, "utf-8")
    return path


class TestCheckFile:
    def test_a_good_file_is_counted(self):
        report = check_file(DEMO / "train.conll")
        assert (report.source, report.sentences, report.tokens) == (str(DEMO / "train.conll"), 488, 7468)
        assert report.schemes == ["IOB2"]
        assert report.labels == report.spans
        assert set(report.spans) == {"PER", "LOC", "ORG", "MISC"}
        assert not report.has_errors
        assert (report.documents, report.repeats, report.malformed, report.odd) == (0, 0, [], {})

    def test_documents_and_repeats_are_counted(self, tmp_path: Path):
        report = check_file(write(tmp_path / "x", "-DOCSTART- O\n\na O\n\na O\n\n-DOCSTART- O\n\na O\n"))
        assert (report.documents, report.sentences, report.repeats) == (2, 3, 2)

    def test_tags_that_break_the_nearest_scheme_are_illegal(self, tmp_path: Path):
        path = write(tmp_path / "x", "Jay B-PER\nleft O\nNew I-LOC\n\nEU B-ORG\nMira I-PER\nUN B-ORG\n")
        report = check_file(path)
        assert report.schemes == []
        assert report.has_errors
        assert report.illegal == [
            IllegalTag(str(path), 3, "New", "I-LOC", "B-LOC", "IOB2"),
            IllegalTag(str(path), 6, "Mira", "I-PER", "B-PER", "IOB2"),
        ]

    def test_a_tag_that_is_not_a_span_tag_is_illegal(self, tmp_path: Path):
        path = write(tmp_path / "x", "Jay B-PER\nleft O\nIndia LOC\nnow O\n")
        assert check_file(path).illegal == [IllegalTag(str(path), 3, "India", "LOC", EXPECTED_TAG, None)]

    def test_plain_tags_are_their_own_labels(self, tmp_path: Path):
        report = check_file(write(tmp_path / "x", "dog NOUN\nbarks VERB\ncat NOUN\n"))
        assert report.is_plain
        assert not report.looks_like_spans
        assert report.labels == Counter(NOUN=2, VERB=1)
        assert check_file(write(tmp_path / "y", "a b-per\nb i-per\nc o\n")).looks_like_spans

    def test_malformed_lines_are_findings_but_bytes_that_are_not_text_an_error(self, tmp_path: Path):
        report = check_file(write(tmp_path / "x", "Jay B-PER\nbad\n"))
        assert [error.line for error in report.malformed] == [2]
        assert report.has_errors
        (tmp_path / "y").write_bytes(b"\xff O\n")
        with pytest.raises(DataError, match="byte 0xFF"):
            check_file(tmp_path / "y")

    def test_columns_and_tokenizer_are_chosen(self, tmp_path: Path):
        assert check_file(write(tmp_path / "x", "B-PER Jay\n"), Columns(2, 1)).spans == Counter(PER=1)
        line = '{"text": "トムは", "spans": [{"start": 0, "end": 2, "label": "PER"}]}\n'
        path = write(tmp_path / "x.jsonl", line)
        assert check_file(path).has_errors
        assert check_file(path, tokenizer="characters").spans == Counter(PER=1)

    @pytest.mark.parametrize("scheme", SCHEMES)
    def test_what_a_scheme_writes_fits_it(self, scheme: str, tmp_path: Path):
        tags = SCHEMES[scheme].write(read_spans(["B-A", "I-A", "I-A", "B-A", "O", "S-B"]), 6)
        assert scheme in check_file(write(tmp_path / "x", "".join(f"w {tag}\n" for tag in tags))).schemes


class TestDataCheck:
    def test_sentences_in_several_files_come_longest_first(self, tmp_path: Path):
        one = write(tmp_path / "1", "Yes O\n\nJay B-PER\nleft O\n\nYes O\n")
        two = write(tmp_path / "2", "Jay O\nleft O\n\n\nYes O\n")
        check = DataCheck()
        assert [check.add(path).sentences for path in (one, two)] == [3, 2]
        assert check.shared_sentences() == [
            SharedSentence(("Jay", "left"), ((f"{one}:3",), (f"{two}:1",))),
            SharedSentence(("Yes",), ((f"{one}:1", f"{one}:6"), (f"{two}:5",))),
        ]

    def test_new_labels_are_those_that_the_first_file_lacks(self, tmp_path: Path):
        check = DataCheck()
        check.add(write(tmp_path / "1", "Jay B-PER\nleft O\n"))
        assert check.new_labels() == []
        second = check.add(write(tmp_path / "2", "UN B-ORG\nJay B-PER\n\nBonn B-LOC\nEU B-ORG\n"))
        check.add(write(tmp_path / "3", "dog NOUN\n"))
        assert check.new_labels() == [(second, Counter(ORG=2, LOC=1))]


@pytest.mark.parametrize(
    ("token", "names"),
    [
        ("plain", []),
        ("é", []),
        ("❤\ufe0f", []),
        ("می\u200cخواهم", []),
        ("a b", ["space inside a token"]),
        ("a\u200bb", ["invisible formatting character"]),
        ("\x07e\u0301", ["control character", "not in Unicode's composed form (NFC)"]),
        ("\ufffd", ["replacement character"]),
    ],
)
def test_odd_characters_have_names(token: str, names: list[str]):
    assert odd_characters(token) == names


def test_odd_tokens_are_listed_with_their_places(tmp_path: Path):
    path = write(tmp_path / "x", "a O\n\ue000 O\n")
    assert check_file(path).odd == {"private-use character": [OddToken(str(path), 2, "\ue000")]}
