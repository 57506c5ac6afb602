from __future__ import annotations

import io
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tagsmith import Columns, ConfigError, DataError, Sentence
from tagsmith.formats.conllu import NAMES, read, read_blocks, write

TREE = """\
# sent_id = 1
# text = Vámonos al mar
1-2\tVámonos\t_\t_\t_\t_\t_\t_\t_\t_
1\tVamos\tir\tVERB\tV\t_\t0\troot\t_\t_
2\tnos\tnosotros\tPRON\tP\t_\t1\tobj\t_\t_
2.1\tfue\tir\tVERB\tV\t_\t_\t_\t_\t_
3\tal mar\tmar\tNOUN\tN\t_\t1\tobl\t_\t_

# sent_id = 2
1\t#1\t#1\tSYM\tX\t_\t0\troot\t_\t_
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "tree.conllu"
    path.write_text(TREE, "utf-8")
    return path


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("scratch") / "tree.conllu"


def line(word: str = "a", tag: str = "NOUN", number: object = 1) -> str:
    return f"{number}\t{word}\t_\t{tag}\t_\t_\t0\troot\t_\t_\n"


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
    assert [sentence.tags for sentence in read(file, Columns(tag=-6))] == [("V", "P", "N"), ("X",)]


@pytest.mark.parametrize("number", range(2, 11))
def test_a_column_has_a_name_in_any_case_and_a_number_from_either_end(file: Path, number: int) -> None:
    names = [number, number - 11, NAMES[number - 1], NAMES[number - 1].lower()]
    word = "LEMMA" if number == 2 else "FORM"
    file.write_text("\t".join(["1", *(f"c{i}" for i in range(2, 11))]) + "\n")
    assert [next(read(file, Columns(word, name))).tags for name in names] == [(f"c{number}",)] * 4


@pytest.mark.parametrize("column", ["ID", "id", 1, -10, 11, -11, "pos", ""])
def test_a_column_there_is_not_is_refused(file: Path, column: int | str) -> None:
    for columns in (Columns(tag=column), Columns(word=column)):
        with pytest.raises(ConfigError, match=f"^found column {column!r}; expected FORM, .*, 2 to 10$"):
            list(read(file, columns))


def test_the_word_is_no_tag(file: Path) -> None:
    with pytest.raises(DataError, match="the tag in column 2, another"):
        list(read(file, Columns(tag="form")))
    (block, *_) = read_blocks(file, Columns(tag="form"), tagged=False)
    with pytest.raises(ConfigError, match="in column 2, as the word"):
        block.with_tags(["X"] * 3)


def test_a_tag_that_is_not_specified_is_an_error_and_can_be_filled_in(file: Path) -> None:
    file.write_text(line() + line(tag="_", number=2) + line("_", number=3))
    with pytest.raises(DataError, match=r":2: found an unspecified tag \(.*expected a tag in column 4 \(UPOS\)"):
        list(read(file))
    with pytest.raises(DataError, match=r":1: found an unspecified tag \(.*expected a tag in column 5 \(XPOS\)"):
        list(read(file, Columns(tag="xpos")))
    assert next(read(file, Columns(tag="feats"))).tags == ("_",) * 3  # no features, which is something to learn
    assert next(read(file, tagged=False)).tokens == ("a", "a", "_")
    (block,) = read_blocks(file, tagged=False)
    assert block.with_tags(["A", "B", "C"]) == line(tag="A") + line(tag="B", number=2) + line("_", "C", 3)
    for bad in ("_", "a\tb", "", " ", "a\n", "a\r"):
        with pytest.raises(DataError, match=r":2: found "):
            block.with_tags(["A", bad, "C"])


def test_tags_can_be_left_unread(file: Path) -> None:
    assert [sentence.tags for sentence in read(file, tagged=False)] == [None, None]


@pytest.mark.parametrize("text", ["", "\n\n", "# text = a\n", "# text = a\n\n# text = b\n\n"])
def test_a_file_without_words_has_no_sentences(file: Path, text: str) -> None:
    file.write_text(text)
    assert list(read(file)) == []


def test_crlf_is_no_part_of_a_field(file: Path) -> None:
    file.write_text((line() + "\n" + line("b")).replace("\n", "\r\n"), newline="")
    assert [sentence.tokens for sentence in read(file)] == [("a",), ("b",)]
    file.write_text(line(tag="X\r"), newline="")
    assert [sentence.tags for sentence in read(file)] == [("X\r",)]
    file.write_text(line().replace("_\n", "end\r\n"), newline="")
    assert [sentence.tags for sentence in read(file, Columns(tag="misc"))] == [("end",)]


@pytest.mark.parametrize(
    ("bad", "found"),
    [
        ("2 a _ NOUN _ _ 0 root _ _\n", "1 column"),
        ("2\ta\t_\tNOUN\n", "4 columns"),
        (line(number=2).replace("\n", "\t_\n"), "11 columns"),
        (line(word="", number=2), "an empty token"),
        (line(tag=" ", number=2), "an empty tag"),
    ],
)
def test_a_malformed_line_is_an_error_or_is_reported_and_skipped(file: Path, bad: str, found: str) -> None:
    file.write_text(line() + bad + line("c", number=3))
    with pytest.raises(DataError) as caught:
        list(read(file))
    assert str(caught.value).startswith(f"{file}:2: found {found} (")
    skipped: list[DataError] = []
    assert [sentence.tokens for sentence in read(file, on_bad=skipped.append)] == [("a", "c")]
    assert [error.line for error in skipped] == [2]


EMPTY = "\t_" * 9 + "\n"


@pytest.mark.parametrize(
    ("lines", "number", "found", "kept"),
    [
        ([line(number=2)], 1, "found the ID '2'; expected 1", 0),
        ([line(), line(number=3), line(number=4)], 2, "found the ID '3'; expected 2", 2),
        ([line(), line(), line(number=2)], 2, "found the ID '1'; expected 2, or a blank line before a new sent", 2),
        ([line(), line(number=2), line(number=2)], 3, "found the ID '2'; expected 3", 2),
        ([line(), line(number="x"), line(number=3)], 2, "found the ID 'x'; expected 2", 2),
        ([line(), line(number="_"), line(number=3)], 2, "found the ID '_'; expected 2", 2),
        ([line(number="01")], 1, "found the ID '01'; expected 1", 0),
        ([line(number="9" * 5000)], 1, "found the ID '999", 0),
        ([line(number="١")], 1, "found the ID '١'; expected 1", 0),
        ([line(), "1.2" + EMPTY, line(number=2)], 2, "found the ID '1.2'; expected 1.1, or a word's", 2),
        ([line(), "8.1" + EMPTY, line(number=2)], 2, "found the ID '8.1'; expected 1.1, or a word's", 2),
        ([line(), "1-2" + EMPTY, line(number=2)], 2, "found the ID '1-2'; expected a range that begins with", 2),
        (["2-1" + EMPTY, line()], 1, "found the ID '2-1'; expected a range that begins with the next word, 1-2", 1),
        (["1-2" + EMPTY, line(), "2-3" + EMPTY, line(number=2)], 3, "found the ID '2-3'; expected a range", 2),
        (["1-3" + EMPTY, line(), line(number=2)], 1, "found the range 1-3; expected words up to 3 after it, not 2", 2),
        (["1-2" + EMPTY], 1, "found the range 1-2; expected words up to 2 after it, not 0", 0),
    ],
)
@pytest.mark.parametrize("end", ["", "\n", "\n" + line("z")])
def test_ids_that_do_not_count_the_words_are_an_error_or_are_reported_and_skipped(
    file: Path, lines: list[str], number: int, found: str, kept: int, end: str
) -> None:
    file.write_text("".join(lines) + end, "utf-8")
    with pytest.raises(DataError) as caught:
        list(read(file))
    assert str(caught.value).startswith(f"{file}:{number}: {found}")
    skipped: list[DataError] = []
    blocks = list(read_blocks(file, on_bad=skipped.append))
    assert [error.line for error in skipped] == [number]
    assert [token for block in blocks for token in block.tokens] == ["a"] * kept + ["z"] * ("z" in end)
    written = "".join(block.with_tags(block.tags) for block in blocks)
    assert written == "".join(text for i, text in enumerate(lines, 1) if i != number) + end


FIELDS = st.lists(st.sampled_from(["a", "é", " b", "#", "-DOCSTART-", "1-2", "\u2028", "\x0b", '"', "_"]), min_size=1)
ROWS = st.lists(FIELDS.map("".join), min_size=9, max_size=9)
TAGS = st.lists(st.sampled_from(["NOUN", "B-X", "a b", "#", "é\u2028"]), min_size=1, max_size=3).map("".join)
ASIDE = st.sampled_from(["\ta" * 9, "\t_" * 9, "\t\t\t" + "\t" * 6])
BLANK = st.sampled_from(["", " ", "\t\t"])


@st.composite
def trees(draw: st.DrawFn) -> tuple[list[str], list[int]]:
    """The lines of a file, each with its ending, and which of them hold words."""
    lines, words = [], []
    word = node = due = 0  # in the sentence: its words, empty nodes after the last, words that a range still wants
    kinds = draw(st.lists(st.sampled_from(["word", "word", "node", "range", "comment", "blank"]), max_size=10))
    while kinds or due:
        kind = kinds.pop() if not due else "word"
        if kind == "word":
            word, node, due = word + 1, 0, max(due - 1, 0)
            words.append(len(lines))
            row = draw(ROWS)
            lines.append("\t".join([str(word), *row[:2], draw(TAGS), *row[3:]]))
        elif kind == "node":
            node += 1
            lines.append(f"{word}.{node}" + draw(ASIDE))
        elif kind == "range":
            due = draw(st.integers(1, 3))
            lines.append(f"{word + 1}-{word + due}" + draw(ASIDE))
        elif kind == "comment":
            lines.append(draw(st.sampled_from(["# text = a\tb", "#", "#1\ta"])))
        else:
            word = node = 0
            lines.append(draw(BLANK))
        lines[-1] += draw(st.sampled_from(["\n", "\r\n"]))
    if lines and draw(st.booleans()):
        lines[-1] = lines[-1].rstrip("\r\n")
    return lines, words


class TestWrittenBack:
    @settings(max_examples=75, deadline=None)
    @given(trees(), st.sampled_from([4, 5, 3, 10]), st.booleans())
    def test_new_tags_leave_every_other_byte(
        self, scratch: Path, tree: tuple[list[str], list[int]], column: int, tagged: bool
    ) -> None:
        lines, words = tree
        scratch.write_bytes("".join(lines).encode())
        expected = list(lines)
        for count, place in enumerate(words):
            body = lines[place].rstrip("\r\n")
            fields = body.split("\t")
            fields[column - 1] = f"T{count}"
            expected[place] = "\t".join(fields) + lines[place][len(body) :]
        values = (f"T{count}" for count in range(len(words)))
        blocks = read_blocks(scratch, Columns(tag=column), tagged=False)
        found = "".join(block.with_tags([next(values) for _ in block.tokens]) for block in blocks)
        assert found == "".join(expected)

    @settings(max_examples=75, deadline=None)
    @given(trees())
    def test_the_same_tags_give_the_same_bytes(self, scratch: Path, tree: tuple[list[str], list[int]]) -> None:
        scratch.write_bytes("".join(tree[0]).encode())
        blocks = list(read_blocks(scratch))
        assert "".join(block.with_tags(block.tags) for block in blocks).encode() == scratch.read_bytes()
        assert [number - 1 for block in blocks for number in block.line_numbers] == tree[1]

    def test_comments_stand_with_the_sentence_they_are_written_above(self, file: Path) -> None:
        assert [block.lines[0] for block in read_blocks(file)] == ["# sent_id = 1\n", "# sent_id = 2\n"]


class TestWrite:
    @staticmethod
    def written(*sentences: Sentence, columns: Columns | None = None) -> str:
        stream = io.StringIO(newline="")
        assert write(sentences, stream, columns) == len(sentences)
        return stream.getvalue()

    def test_words_are_numbered_and_what_is_not_known_is_left_open(self) -> None:
        sentences = [Sentence(["Jay", "al mar"], ["PROPN", "X"]), Sentence(["#"])]
        expected = "1\tJay\t_\tPROPN" + "\t_" * 6 + "\n2\tal mar\t_\tX" + "\t_" * 6 + "\n\n"
        assert self.written(*sentences) == expected + "1\t#" + "\t_" * 8 + "\n\n"
        xpos = self.written(sentences[0], columns=Columns(tag="xpos")).splitlines()[0]
        assert xpos == "1\tJay\t_\t_\tPROPN" + "\t_" * 5

    @settings(max_examples=75, deadline=None)
    @given(st.lists(st.lists(st.tuples(FIELDS.map("".join), TAGS), min_size=1, max_size=3), max_size=3))
    def test_what_was_written_is_read_back(self, scratch: Path, rows: list[list[tuple[str, str]]]) -> None:
        sentences = [Sentence([a for a, _ in row], [b for _, b in row]) for row in rows]
        scratch.write_bytes(self.written(*sentences, columns=Columns(tag=5)).encode())
        found = list(read(scratch, Columns(tag="XPOS")))
        assert [(s.tokens, s.tags) for s in found] == [(s.tokens, s.tags) for s in sentences]

    @pytest.mark.parametrize("bad", ["", " ", "a\tb", "a\nb", "a\0", "a\r"])
    def test_what_could_not_be_read_back_is_refused(self, bad: str) -> None:
        for sentence in (Sentence([bad], ["X"]), Sentence(["a"], [bad]), Sentence([bad])):
            with pytest.raises(DataError) as caught:
                self.written(sentence)
            assert caught.value.found == repr(bad)

    @pytest.mark.parametrize("sentence", [Sentence([], []), Sentence(["a"], ["_"])])
    def test_what_conllu_has_no_place_for_is_refused(self, sentence: Sentence) -> None:
        with pytest.raises(DataError, match="CoNLL-U"):
            self.written(sentence)

    @pytest.mark.parametrize("column", ["form", 1, 11])
    def test_a_column_for_no_tag_is_refused(self, column: int | str) -> None:
        with pytest.raises(ConfigError, match=r"^found "):
            self.written(columns=Columns(tag=column))
