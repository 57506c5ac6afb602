from __future__ import annotations

from pathlib import Path

import pytest

from tagsmith import Columns, DataError
from tagsmith.formats.conllu import read

TREE = """\
# sent_id = 1
# text = Vámonos al mar
1-2\tVámonos\t_\t_\t_\t_\t_\t_\t_\t_
1\tVamos\tir\tVERB\tV\t_\t0\troot\t_\t_
2\tnos\tnosotros\tPRON\tP\t_\t1\tobj\t_\t_
8.1\tfue\tir\tVERB\tV\t_\t_\t_\t_\t_
3\tal mar\tmar\tNOUN\tN\t_\t1\tobl\t_\t_

# sent_id = 2
1\t#1\t#1\tSYM\tX\t_\t0\troot\t_\t_
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "tree.conllu"
    path.write_text(TREE, "utf-8")
    return path


def line(word: str = "a", tag: str = "NOUN") -> str:
    return f"1\t{word}\t_\t{tag}\t_\t_\t0\troot\t_\t_\n"


def test_words_and_upos_are_read_and_ranges_empty_nodes_and_comments_are_not(file: Path) -> None:
    assert [(sentence.tokens, sentence.tags) for sentence in read(file)] == [
        (("Vamos", "nos", "al mar"), ("VERB", "PRON", "NOUN")),
        (("#1",), ("SYM",)),
    ]


def test_every_word_knows_its_line(file: Path) -> None:
    assert [sentence.lines for sentence in read(file)] == [(4, 5, 7), (10,)]


def test_another_column_can_be_the_tag_or_the_word(file: Path) -> None:
    assert [sentence.tags for sentence in read(file, Columns(tag=5))] == [("V", "P", "N"), ("X",)]
    assert next(read(file, Columns(word=3))).tokens == ("ir", "nosotros", "mar")


def test_tags_can_be_left_unread(file: Path) -> None:
    assert [sentence.tags for sentence in read(file, tagged=False)] == [None, None]


@pytest.mark.parametrize("text", ["", "\n\n", "# text = a\n", "# text = a\n\n# text = b\n\n"])
def test_a_file_without_words_has_no_sentences(file: Path, text: str) -> None:
    file.write_text(text)
    assert list(read(file)) == []


def test_crlf_is_no_part_of_a_field(file: Path) -> None:
    file.write_text((line() + "\n" + line("b")).replace("\n", "\r\n"), newline="")
    assert [sentence.tokens for sentence in read(file)] == [("a",), ("b",)]
    assert [sentence.tags for sentence in read(file, Columns(tag=10))] == [("_",), ("_",)]


@pytest.mark.parametrize(
    ("bad", "found"),
    [
        ("1 a _ NOUN _ _ 0 root _ _\n", "1 column"),
        ("1\ta\t_\tNOUN\n", "4 columns"),
        (line().replace("\n", "\t_\n"), "11 columns"),
        (line(word=""), "an empty token"),
        (line(tag=" "), "an empty tag"),
    ],
)
def test_a_malformed_line_is_an_error_or_is_told_and_left_out(file: Path, bad: str, found: str) -> None:
    file.write_text(line() + bad + line("c"))
    with pytest.raises(DataError) as caught:
        list(read(file))
    assert str(caught.value).startswith(f"{file}:2: found {found} (")
    told: list[DataError] = []
    assert [sentence.tokens for sentence in read(file, on_bad=told.append)] == [("a", "c")]
    assert [error.line for error in told] == [2]
