from __future__ import annotations

from pathlib import Path

import pytest

from tagsmith import DataError
from tagsmith.formats.format import InputRecord, ReadOptions
from tagsmith.formats.plain_text import check_is_text, read_inputs


def test_every_line_is_a_text_without_its_line_end(tmp_path: Path):
    path = tmp_path / "x.txt"
    path.write_bytes("Jay left. He did.\r\n\n a\u2028b\n\tc".encode())
    texts = ["Jay left. He did.", "", " a\u2028b", "\tc"]
    assert list(read_inputs(path, ReadOptions())) == [
        InputRecord(text, None, str(path), number, number == 1) for number, text in enumerate(texts, 1)
    ]


@pytest.mark.parametrize(
    "content", ["", "\n", "Jay left.\n", "Jay B-PER\nleft\n", "B-PER\n", "Jay NN\n", "plan B\nplan C\n"]
)
def test_text_is_text(content: str, tmp_path: Path):
    (tmp_path / "x").write_text(content)
    check_is_text(tmp_path / "x")


@pytest.mark.parametrize("content", ["Jay B-PER\nleft O\n", "\n\nJay\tNN\tI-PER\n", "Jay O"])
def test_columns_are_not(content: str, tmp_path: Path):
    (tmp_path / "x").write_text(content)
    with pytest.raises(DataError, match="found columns of tokens and tags; expected text; say --from conll"):
        check_is_text(tmp_path / "x")


def test_a_file_that_can_not_be_read_twice_is_not_looked_at(tmp_path: Path):
    check_is_text("-")
    check_is_text(tmp_path / "none")
