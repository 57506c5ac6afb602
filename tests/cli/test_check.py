from __future__ import annotations

from pathlib import Path

import pytest

from tagsmith.schemes import SCHEMES
from tests.support.shell import DEMO, Result, run

EVERY = "IOB1, IOB2, IOE1, IOE2, BIOES, BILOU, BMES"
UNDECIDED = "; nothing in the file tells them apart"


def write(path: Path, content: str) -> Path:
    path.write_bytes(content.encode())
    return path


def check(folder: Path, content: str, name: str = "x.conll") -> tuple[int, list[str]]:
    """Exit code and lines for one file, the file's name left out."""
    file = write(folder / name, content)
    result = run("check", file)
    assert result.err == ""
    return result.code, result.out.replace(f"{file}:", "").splitlines()


class TestCounts:
    def test_a_good_file_shows_counts_spans_and_schemes(self, tmp_path: Path):
        code, lines = check(tmp_path, "Jay B-PER\nleft O\nIndia B-LOC\n\nMira B-PER\nOkafor I-PER\n")
        assert code == 0
        assert lines == [" 2 sentences, 5 tokens", "  3 spans: PER 2, LOC 1", "  tags fit: IOB2"]

    def test_documents_are_counted_apart(self, tmp_path: Path):
        docstart = "-DOCSTART- -X- O\n\n"
        _, lines = check(tmp_path, f"{docstart}Jay NN B-PER\n\nleft VB O\n\n{docstart}it PR O\n")
        assert lines[0] == " 3 sentences, 3 tokens, 2 documents (5 sentences with -DOCSTART- counted)"

    def test_the_corpus_in_the_package_is_clean(self):
        result = run("check", *(DEMO / f"{part}.conll" for part in ("train", "dev", "test")))
        assert (result.code, result.err) == (0, "")
        lines = result.out.splitlines()
        assert lines[0].endswith("train.conll: 488 sentences, 7,468 tokens")
        assert lines.count("  tags fit: IOB2") == 3
        assert lines[-1] == "no sentence occurs in more than one file"
        assert not any("illegal" in line or "malformed" in line or "tokens with" in line for line in lines)

    def test_plain_tags_are_counted_and_not_called_illegal(self, tmp_path: Path):
        code, lines = check(tmp_path, "dog NOUN\nbarks VERB\ncat NOUN\n. O\n")
        assert (code, lines) == (0, [" 1 sentence, 4 tokens", "  plain tags: 3, from NOUN 2, VERB 1, O 1"])

    def test_json_lines_are_checked_too(self, tmp_path: Path):
        code, lines = check(tmp_path, '{"tokens": ["Jay"], "tags": ["S-PER"]}\n', "x.jsonl")
        assert (code, lines) == (0, [" 1 sentence, 1 token", "  1 span: PER 1", f"  tags fit: BIOES, BMES{UNDECIDED}"])

    def test_spans_of_texts_are_counted_and_those_inside_tokens_shown(self, tmp_path: Path):
        line = '{"text": "トムは", "spans": [{"start": 0, "end": 2, "label": "PER"}]}\n'
        code, lines = check(tmp_path, line, "x.jsonl")
        assert (code, lines[0]) == (1, " 0 sentences, 0 tokens")
        assert lines[-1].startswith(
            "    1: found span [0, 2) PER 'トム'; expected the borders of tokens; it ends inside"
        )
        result = run("check", tmp_path / "x.jsonl", "--tokenizer", "characters")
        assert (result.code, result.out.splitlines()[1]) == (0, "  1 span: PER 1")

    def test_columns_are_chosen_by_number(self, tmp_path: Path):
        file = write(tmp_path / "x", "B-PER 1 Jay\nO 2 left\n")
        result = run("check", file, "--word-column", 3, "--tag-column", 1)
        assert (result.code, result.out.splitlines()[1]) == (0, "  1 span: PER 1")


class TestSchemes:
    @pytest.mark.parametrize(
        ("tags", "schemes"),
        [
            ("I-A I-A O I-B B-B", "IOB1"),
            ("B-A I-A O B-B B-B", "IOB2"),
            ("I-A I-A O E-B I-B", "IOE1"),
            ("I-A E-A O E-B E-B", "IOE2"),
            ("B-A I-A E-A O S-B S-B", "BIOES"),
            ("B-A L-A O U-B U-B", "BILOU"),
            ("B-A M-A E-A O S-B S-B", "BMES"),
            ("B-A I-A I-A E-A", "BIOES"),
        ],
    )
    def test_the_scheme_all_sentences_fit_is_named(self, tags: str, schemes: str, tmp_path: Path):
        code, lines = check(tmp_path, "".join(f"w {tag}\n" for tag in tags.split()))
        assert (code, lines[-1]) == (0, f"  tags fit: {schemes}")

    @pytest.mark.parametrize(
        ("tags", "schemes"),
        [
            ("I-A I-A O I-B", "IOB1, IOE1"),
            ("B-A E-A O S-B S-B", "BIOES, BMES"),
            ("O O O", EVERY),
        ],
    )
    def test_where_several_fit_that_is_said(self, tags: str, schemes: str, tmp_path: Path):
        code, lines = check(tmp_path, "".join(f"w {tag}\n" for tag in tags.split()))
        assert (code, lines[-1]) == (0, f"  tags fit: {schemes}{UNDECIDED}")

    @pytest.mark.parametrize("scheme", SCHEMES)
    def test_the_corpus_in_the_package_is_known_in_each_scheme(self, scheme: str, tmp_path: Path):
        assert run("convert", DEMO / "train.conll", tmp_path / "x", "--scheme", scheme).code == 0
        # No two spans of one label touch in it.
        expected = f"IOB1, IOE1{UNDECIDED}" if scheme in ("IOB1", "IOE1") else scheme
        assert run("check", tmp_path / "x").out.splitlines()[2] == f"  tags fit: {expected}"

    @pytest.mark.parametrize("content", ["", "\n\n", "-DOCSTART- O\n\n"])
    def test_a_file_without_sentences_has_no_tags_to_fit_a_scheme(self, content: str, tmp_path: Path):
        code, lines = check(tmp_path, content)
        assert (code, lines[1:]) == (0, ["  no tokens, so no tags"])


class TestFindings:
    @pytest.mark.parametrize("tags", ["I- I-", "-PER -LOC O", "b-per i-per o", "X-PER O Y-LOC", "b-per"])
    def test_tags_that_look_like_span_tags_but_are_none_are_pointed_out(self, tags: str, tmp_path: Path):
        _, lines = check(tmp_path, "".join(f"w {tag}\n" for tag in tags.split()))
        assert lines[-1].startswith("  they look like span tags, but are none; a span tag is O, or one of B I E")

    @pytest.mark.parametrize("tags", ["NN -LRB-", "NOUN X", "1-2 3-4"])
    def test_other_plain_tags_are_not(self, tags: str, tmp_path: Path):
        assert "look like" not in "".join(check(tmp_path, "".join(f"w {tag}\n" for tag in tags.split()))[1])

    def test_tags_that_break_the_scheme_are_shown_with_what_was_expected(self, tmp_path: Path):
        code, lines = check(tmp_path, "Jay B-PER\nleft O\nNew I-LOC\n\nEU B-ORG\nMira I-PER\nUN B-ORG\n")
        assert code == 1
        assert lines[2:] == [
            "  tags fit: no scheme",
            "  illegal tags: 2",
            "    3: tag 'I-LOC' at 'New'; expected 'B-LOC' as IOB2",
            "    6: tag 'I-PER' at 'Mira'; expected 'B-PER' as IOB2",
        ]

    def test_a_tag_that_is_no_span_tag_among_others_is_illegal(self, tmp_path: Path):
        code, lines = check(tmp_path, "Jay B-PER\nleft O\nIndia LOC\nnow O\n")
        assert code == 1
        assert lines[-2:] == [
            "  illegal tags: 1",
            "    3: tag 'LOC'; expected O, or one of B I E S L U M and a label, such as B-PER",
        ]

    def test_malformed_lines_are_shown_and_the_rest_is_checked(self, tmp_path: Path):
        code, lines = check(tmp_path, "Jay B-PER\nbad\nleft O\nIndia LOC\nnow O\n")
        assert code == 1
        assert lines[0] == " 1 sentence, 4 tokens"
        assert "  malformed lines: 1" in lines
        assert "    2: found 1 column ('bad'); expected 2 columns, as on line 1" in lines
        assert any(line.startswith("    4: tag 'LOC'") for line in lines)

    def test_of_many_findings_five_are_shown(self, tmp_path: Path):
        _, lines = check(tmp_path, "Jay B-PER\n" + "bad\n" * 9)
        assert lines[-7:-5] == [
            "  malformed lines: 9",
            "    2: found 1 column ('bad'); expected 2 columns, as on line 1",
        ]
        assert lines[-1] == "    and 4 more"

    @pytest.mark.parametrize(
        ("token", "name"),
        [
            ("a\u200bb", "invisible formatting character"),
            ("\ufeffa", "invisible formatting character"),
            ("a\u00a0b", "space inside a token"),
            ("a\u2028b", "line separator"),
            ("a\x07", "control character"),
            ("\ue000", "private-use character"),
            ("\ufffd", "replacement character"),
            ("e\u0301", "not in Unicode's composed form (NFC)"),
        ],
    )
    def test_odd_characters_are_shown_but_are_no_error(self, token: str, name: str, tmp_path: Path):
        code, lines = check(tmp_path, f"plain\tO\n{token}\tB-A\n")
        assert code == 0
        assert lines[-2:] == [f"  tokens with: {name}: 1", f"    2: {token!r}"]

    @pytest.mark.parametrize(
        "token", ["é", "😀", "👨\u200d👩\u200d👧", "❤\ufe0f", "می\u200cخواهم", "中文", "naïve", "«"]
    )
    def test_ordinary_characters_of_any_script_are_not_odd(self, token: str, tmp_path: Path):
        code, lines = check(tmp_path, f"{token}\tB-A\n")
        assert (code, lines[-1]) == (0, "  tags fit: IOB2")

    def test_places_in_json_lines_are_lines(self, tmp_path: Path):
        good = '{"tokens": ["a", "b", "c"], "tags": ["O", "O", "O"]}\n'
        bad = '{"tokens": ["a", "b", "c\\u200b"], "tags": ["O", "O", "PER"]}\n'
        code, lines = check(tmp_path, good + bad, "x.jsonl")
        assert code == 1
        assert [line for line in lines if line.startswith("    ")] == [
            "    2: tag 'PER'; expected O, or one of B I E S L U M and a label, such as B-PER",
            "    2: 'c\\u200b'",
        ]


class TestSeveralFiles:
    def test_sentences_in_more_than_one_file_are_shown_the_longest_first(self, tmp_path: Path):
        one = write(tmp_path / "1", "Yes O\n\nJay B-PER\nleft O\n\nonly O\n")
        two = write(tmp_path / "2", "Jay O\nleft O\n\n\nYes O\n")
        result = run("check", one, two)
        assert result.code == 0
        assert result.out.splitlines()[-3:] == [
            "sentences that occur in more than one file: 2",
            f"  2 tokens: {one}:3, {two}:1",
            f"  1 token: {one}:1, {two}:5",
        ]

    def test_a_sentence_again_in_one_file_is_counted_there(self, tmp_path: Path):
        one, two = write(tmp_path / "1", "Yes O\n\nYes O\n\nYes O\n"), write(tmp_path / "2", "No O\n")
        lines = run("check", one, two).out.splitlines()
        assert [line for line in lines if "earlier" in line] == ["  sentences that occur earlier in the file: 2"]
        assert lines[-1] == "no sentence occurs in more than one file"

    def test_a_file_given_twice_is_two_files(self, tmp_path: Path):
        file = write(tmp_path / "1", "Yes O\n")
        assert run("check", file, file).out.splitlines()[-2:] == [
            "sentences that occur in more than one file: 1",
            f"  1 token: {file}:1, {file}:1",
        ]

    def test_labels_that_the_first_file_lacks_are_shown(self, tmp_path: Path):
        one = write(tmp_path / "1", "Jay B-PER\nleft O\n")
        two = write(tmp_path / "2", "UN B-ORG\nJay B-PER\n\nBonn B-LOC\nEU B-ORG\n")
        lines = run("check", one, two, one).out.splitlines()
        assert [line for line in lines if "lacks" in line] == [f"labels in {two} that {one} lacks: ORG 2, LOC 1"]
        plain, more = write(tmp_path / "3", "a NN\n"), write(tmp_path / "4", "b VB\nc NN\n")
        assert f"tags in {more} that {plain} lacks: VB 1" in run("check", plain, more).out
        assert "lacks" not in run("check", plain, two).out

    def test_one_bad_file_makes_the_exit_code_1(self, tmp_path: Path):
        good, bad = write(tmp_path / "1", "Yes O\n"), write(tmp_path / "2", "No O\nbad\n")
        assert [run("check", *files).code for files in ([good], [good, bad], [bad, good])] == [0, 1, 1]

    def test_bytes_that_are_no_text_are_an_error_of_one_line(self, tmp_path: Path):
        (tmp_path / "x").write_bytes(b"Jay O\n\xff O\n")
        expected = f"error: {tmp_path}/x:2: found byte 0xFF (byte 1 of the line); expected UTF-8 text\n"
        assert run("check", tmp_path / "x") == Result(1, "", expected)
