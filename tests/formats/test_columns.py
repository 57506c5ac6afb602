from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tagsmith import Columns, ConfigError, DataError, Sentence
from tagsmith.formats.conll import read, read_blocks
from tests.support.column_texts import FIELDS, NO_SEPARATORS, ColumnText, Row, column_texts


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "file.conll"


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("scratch") / "file.conll"


def pairs(file: Path, columns: Columns | None = None) -> list[list[tuple[str, str]]]:
    return [list(zip(sentence.tokens, sentence.tags or (), strict=True)) for sentence in read(file, columns)]


def words(file: Path) -> list[tuple[str, ...]]:
    return [sentence.tokens for sentence in read(file, tagged=False)]


def error(file: Path, columns: Columns | None = None, *, tagged: bool = True) -> str:
    with pytest.raises(DataError) as caught:
        list(read(file, columns, tagged=tagged))
    return str(caught.value)


class TestColumns:
    @pytest.mark.parametrize(
        ("columns", "expected"),
        [
            (None, ("1", "4")),
            (Columns(), ("1", "4")),
            (Columns(2), ("2", "4")),
            (Columns(tag=2), ("1", "2")),
            (Columns(3, 1), ("3", "1")),
            (Columns(-1, -4), ("4", "1")),
            (Columns(4, -2), ("4", "3")),
        ],
    )
    def test_they_are_counted_from_1_or_from_the_end(
        self, file: Path, columns: Columns | None, expected: tuple[str, str]
    ) -> None:
        file.write_text("1 2 3 4\n")
        assert pairs(file, columns) == [[expected]]

    def test_they_have_no_names(self, file: Path) -> None:
        with pytest.raises(ConfigError, match="found column 'xpos'; expected its number"):
            list(read(file, Columns(tag="xpos")))

    @pytest.mark.parametrize("arguments", [(0, 1), (1, 0), (0, None), (None, 0)])
    def test_there_is_no_column_0(self, arguments: tuple[int | None, int | None]) -> None:
        with pytest.raises(ConfigError, match="found column 0; expected columns counted from 1"):
            Columns(*arguments)

    @pytest.mark.parametrize("columns", [Columns(3), Columns(-3), Columns(1, 3), Columns(1, -3), Columns(1, 1)])
    @pytest.mark.parametrize("line", ["a O", "a\tO"])
    def test_too_few_columns_are_an_error(self, file: Path, columns: Columns, line: str) -> None:
        file.write_text(f"{line}\n")
        assert error(file, columns).startswith(f"{file}:1: found 2 columns (")

    def test_one_column_can_not_be_both_word_and_tag(self, file: Path) -> None:
        file.write_text("a O\n\nb\n")
        assert error(file).startswith(f"{file}:3: found 1 column ('b'); expected ")
        file.write_text("b\n")
        assert error(file).startswith(f"{file}:1: found 1 column ('b'); expected ")

    def test_the_word_column_must_be_there_without_tags_as_well(self, file: Path) -> None:
        file.write_text("a\n")
        assert error(file, Columns(2), tagged=False).startswith(f"{file}:1: found 1 column ('a'); expected ")


class TestBadLines:
    def test_another_number_of_columns_is_an_error_that_names_both_lines(self, file: Path) -> None:
        file.write_text("\na X O\nc X O\n\nb O\n")
        assert error(file) == f"{file}:5: found 2 columns ('b O'); expected 3 columns, as on line 2"

    @pytest.mark.parametrize("line", ["\tO", " \tO", "   \tO"])
    def test_an_empty_token_is_an_error(self, file: Path, line: str) -> None:
        file.write_text(f"a\tO\n{line}\n")
        assert error(file).startswith(f"{file}:2: found an empty token (")

    @pytest.mark.parametrize("line", ["a\t", "a\t  "])
    def test_an_empty_tag_is_an_error(self, file: Path, line: str) -> None:
        file.write_text(f"{line}\n")
        assert error(file).startswith(f"{file}:1: found an empty tag (")

    def test_an_empty_tag_does_not_matter_where_tags_are_not_read(self, file: Path) -> None:
        file.write_text("a\t\n")
        assert words(file) == [("a",)]

    def test_a_long_line_is_shown_in_short(self, file: Path) -> None:
        file.write_text("x" * 10_000 + "\n")
        assert len(error(file)) < 300

    def test_with_on_bad_they_are_reported_and_skipped(self, file: Path) -> None:
        file.write_text("a\tO\n\tO\nb\tX\tO\nc\n\nd\t\n\ne\tO\n")
        bad: list[DataError] = []
        sentences = list(read(file, on_bad=bad.append))
        assert [sentence.tokens for sentence in sentences] == [("a",), ("e",)]
        assert [caught.line for caught in bad] == [2, 3, 4, 6]
        assert {caught.source for caught in bad} == {str(file)}

    def test_a_bad_line_does_not_end_a_sentence(self, file: Path) -> None:
        file.write_text("a O\nb\nc O\n")
        assert [sentence.tokens for sentence in read(file, on_bad=lambda _: None)] == [("a", "c")]

    def test_a_bad_first_line_does_not_set_the_number_of_columns(self, file: Path) -> None:
        file.write_text("\tX\tO\na O\nb O\n")
        assert [sentence.tokens for sentence in read(file, on_bad=lambda _: None)] == [("a", "b")]

    def test_a_byte_that_is_no_text_is_an_error_even_with_on_bad(self, file: Path) -> None:
        file.write_bytes(b"a O\n\xff O\n")
        with pytest.raises(DataError, match=r":2: found byte 0xFF"):
            list(read(file, on_bad=lambda _: None))


class TestBlocks:
    @settings(max_examples=200, deadline=None)
    @given(
        st.lists(st.sampled_from(["a", "é", " ", "\t", "\n", "\r", "\n-DOCSTART-", " O\n", *NO_SEPARATORS])).map(
            "".join
        ),
        st.booleans(),
    )
    def test_the_blocks_of_any_file_put_together_are_the_file(self, scratch: Path, text: str, tagged: bool) -> None:
        scratch.write_bytes(text.encode())
        blocks = list(read_blocks(scratch, tagged=tagged, on_bad=lambda _: None))
        assert "".join("".join(block.lines) for block in blocks).encode() == scratch.read_bytes()

    @settings(max_examples=75, deadline=None)
    @given(column_texts())
    def test_a_new_column_leaves_every_other_byte(self, scratch: Path, layout: ColumnText) -> None:
        scratch.write_bytes(str(layout).encode())
        values = iter([f"T-{i}" for i in range(len(layout.rows))])
        found = "".join(
            block.with_column([next(values) for _ in block.tokens]) for block in read_blocks(scratch, tagged=False)
        )
        expected = []
        for part in layout.parts:
            if not isinstance(part, Row):
                expected.append(part)
                continue
            tag = f"T-{sum(isinstance(other, Row) for other in expected)}"
            gap = "\t" if "\t" in part.between else " "
            fields, between = (*part.fields, tag), (*part.between, gap)
            expected.append(replace(part, fields=fields, between=between, after=""))
        assert found == "".join(map(str, expected))

    @settings(max_examples=75, deadline=None)
    @given(column_texts(), st.data())
    def test_a_new_column_is_read_back(self, scratch: Path, layout: ColumnText, data: st.DataObject) -> None:
        scratch.write_bytes(str(layout).encode())
        blocks = list(read_blocks(scratch, tagged=False))
        tags = [data.draw(st.lists(FIELDS, min_size=len(b.tokens), max_size=len(b.tokens))) for b in blocks]
        tagged = "".join(block.with_column(values) for block, values in zip(blocks, tags, strict=True))
        scratch.write_bytes(tagged.encode())
        expected = [list(zip(block.tokens, values, strict=True)) for block, values in zip(blocks, tags, strict=True)]
        assert pairs(scratch) == [sentence for sentence in expected if sentence]

    @settings(max_examples=75, deadline=None)
    @given(column_texts(least=2), st.data())
    def test_new_tags_leave_every_other_byte(self, scratch: Path, layout: ColumnText, data: st.DataObject) -> None:
        scratch.write_bytes(str(layout).encode())
        width = len(layout.rows[0].fields) if layout.rows else 2
        column = data.draw(st.sampled_from([*range(2, width + 1), *range(1 - width, 0)]))
        at = column - 1 if column > 0 else width + column
        expected = "".join(
            str(replace(part, fields=(*part.fields[:at], f"T-{part.fields[0]}", *part.fields[at + 1 :])))
            if isinstance(part, Row)
            else part
            for part in layout.parts
        )
        blocks = read_blocks(scratch, Columns(1, column))
        assert "".join(b.with_tags([f"T-{token}" for token in b.tokens]) for b in blocks) == expected

    def test_a_block_is_a_sentence(self, file: Path) -> None:
        file.write_text("-DOCSTART- O\n\na B-X\nb O\n\n\nc O\n")
        blocks = list(read_blocks(file))
        assert [block.lines for block in blocks] == [
            ["-DOCSTART- O\n", "\n", "a B-X\n", "b O\n", "\n", "\n"],
            ["c O\n"],
        ]
        assert blocks[0].sentence() == Sentence(["a", "b"], ["B-X", "O"], str(file), [3, 4])
        assert blocks[0].sentence(tagged=False) == Sentence(["a", "b"], None, str(file), [3, 4])

    def test_lines_left_out_get_no_new_column(self, file: Path) -> None:
        file.write_text("a O\nbad\n-DOCSTART- O\nb O")
        blocks = list(read_blocks(file, on_bad=lambda _: None))
        assert "".join(block.with_column(["X"]) for block in blocks) == "a O X\nbad\n-DOCSTART- O\nb O X"

    def test_a_value_that_would_not_be_read_back_is_refused(self, file: Path) -> None:
        file.write_text("a O\nb\tO\n")
        (block,) = read_blocks(file)
        assert block.with_tags(["X", "a b"]) == "a X\nb\ta b\n"
        for values in (["a b", "X"], ["X", "a\tb"], ["X", "a\n"], ["", "X"]):
            for put in (block.with_tags, block.with_column):
                with pytest.raises(DataError, match=r"file\.conll:[12]: found "):
                    put(values)

    @pytest.mark.parametrize("count", [1, 3])
    def test_there_is_a_value_for_every_token(self, file: Path, count: int) -> None:
        file.write_text("a O\nb O\n")
        (block,) = read_blocks(file)
        with pytest.raises(ValueError, match="zip"):
            block.with_column(["X"] * count)
        with pytest.raises(ValueError, match="zip"):
            block.with_tags(["X"] * count)

    def test_blocks_come_one_at_a_time(self, file: Path) -> None:
        file.write_text("a O\n\nb\n")
        blocks = read_blocks(file)
        assert next(blocks).tokens == ["a"]
        with pytest.raises(DataError):
            next(blocks)


def test_lines_of_tokens_only_grow(file: Path) -> None:
    file.write_text("a O\n\n\nb O\nc O\n\nd O")
    numbers = [number for block in read_blocks(file) for number in block.line_numbers]
    assert numbers == [1, 4, 5, 7]
    assert all(a < b for a, b in pairwise(numbers))
