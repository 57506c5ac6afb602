from __future__ import annotations

import gzip
import struct
from pathlib import Path

import click
import pytest

from tagsmith.cli.vectors import convert
from tagsmith.embeddings import FORMATS, load_vectors
from tagsmith.embeddings.vector_formats import detect_format
from tests.support.vector_files import error_of

NUMBERS = struct.pack("<3f", 0.5, -1.25, 3e-3)
BINARY = b"2 3\nthe " + NUMBERS + b"of " + NUMBERS


@pytest.mark.parametrize(
    ("head", "form"),
    [
        (b"the 0.1 0.2\n", "glove"),
        (b"the 0.1 0.2", "glove"),
        (b"5 0.1 0.2\n7 0.1 0.2\n", "glove"),  # its first words are numbers
        (b"0.5 0.1 0.2\nthe 0.1 0.2\n", "glove"),
        (b"5 3 2\n", "glove"),
        (b"the 5\n", "glove"),
        (b"5 0.5\n", "glove"),
        (b"-5 5\n", "glove"),
        (b"2 3\nthe 1 2 3\nof 1 2 3\n", "word2vec"),
        (b"2 3\n5 1 2 3\n", "word2vec"),
        (b"2 3\nthe 1 2 x\nof 1 2 3\n", "word2vec"),  # faulty text is still text
        (b"2 3\nthe 1 2\nof 1 2 3\n", "word2vec"),
        (b"2 3\nthe\t1 2 3\n", "word2vec"),
        ("2 3\nthe 1 x 3\ncafé 1 2 3\n".encode(), "word2vec"),
        ("2 3\nthe 1 x 3\ncafé".encode()[:-1], "word2vec"),  # cut inside a character
        (b"2 3\nthe 1 2 3\ncaf\xe9 1 2 3\n", "word2vec"),  # not UTF-8, but its rows are text
        (b"2 3", "word2vec"),
        (BINARY, "word2vec-binary"),
        (BINARY[:-2], "word2vec-binary"),
        (b"2 3\nthe \n\n\n\n" + NUMBERS, "word2vec-binary"),
        (b"2 3\nthe \n3 4" + NUMBERS, "word2vec-binary"),
        (b"1 1\nthe \xc3\xf5H@", "word2vec-binary"),  # 3.14: no control character, but no UTF-8 either
    ],
    ids=repr,
)
def test_the_content_decides(head: bytes, form: str):
    assert detect_format(head, "") == form
    assert form in FORMATS


@pytest.mark.parametrize("name", ["vectors", "vectors.txt", "vectors.vec", "vectors.bin", "vectors.safetensors"])
def test_the_name_does_not_matter(tmp_path: Path, name: str):
    for content, form in ((b"the 1 2\n", "glove"), (b"1 2\nthe 1 2\n", "word2vec"), (BINARY, "word2vec-binary")):
        for packed in (content, gzip.compress(content)):
            (tmp_path / form).mkdir(exist_ok=True)
            (tmp_path / form / name).write_bytes(packed)
            assert load_vectors(tmp_path / form / name).format == form


def test_a_long_first_row_is_looked_at_whole():
    row = b"the " + b" ".join([b"0.12345678"] * 20_000)
    assert detect_format(b"1 20000\n" + row + b"\n", "") == "word2vec"
    assert detect_format(b"1 20000\nthe " + struct.pack("<f", 0.1) * 20_000, "") == "word2vec-binary"


def test_glove_of_width_1_whose_first_row_looks_like_a_header_says_so(tmp_path: Path):
    (tmp_path / "v").write_bytes(b"400000 100\nthe 5\nof 6\n")
    assert str(error_of(tmp_path / "v")) == (
        f"{tmp_path}/v:2: found 'the 5'; expected a word and 100 numbers, as line 1 is '400000 100'"
    )


def test_forced_it_is_a_row(tmp_path: Path):
    (tmp_path / "v").write_bytes(b"400000 100\nthe 5\nof 6\n")
    vectors = load_vectors(tmp_path / "v", "glove")
    assert vectors.words.strings == ["400000", "the", "of"]
    assert vectors.matrix.tolist() == [[100], [5], [6]]


@pytest.mark.parametrize(
    ("content", "found", "expected"),
    [
        (
            gzip.compress(gzip.compress(b"the 1 2\n", mtime=0), mtime=0),
            "gzip on stdin, or gzip in gzip",
            "vectors, unpacked",
        ),
        (b"PK\x03\x04glove.6B.50d.txt", "a zip archive", "the file of vectors in it, unpacked"),
        (struct.pack("<i", 793712314) + b"\x0c\0\0\0", "fastText's binary model", "its vectors as text"),
    ],
)
def test_files_often_mistaken_for_vectors_are_refused_by_name(
    tmp_path: Path, content: bytes, found: str, expected: str
):
    (tmp_path / "v").write_bytes(content)
    error = error_of(tmp_path / "v")
    assert error.found == found
    assert error.expected.startswith(expected)


def test_the_commands_take_every_format():
    (option,) = (each for each in convert.params if each.name == "form")
    assert isinstance(option.type, click.Choice)
    assert set(option.type.choices) == set(FORMATS)
