"""Inputs at the edges, through the whole of tag and evaluate."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.shell import Result, run

LONG = "x" * 10_000
SENTENCES = {
    "one token": ["Jay"],
    "5,000 tokens": ["Jay", "left", "."] * 1666 + ["Jay", "left"],
    "a word of 10,000 characters": ["Jay", LONG, "left"],
    "emoji": ["😀", "👨\u200d👩\u200d👧\u200d👦", "🇮🇳", "👍🏽"],
    "combining marks": ["e\u0301", "a" + "\u0300" * 200, "नमस्ते"],
    "right to left": ["שלום", "\u202bעולם\u202c"],
    "other white space": ["a\u00a0b", "c\u2028d", "e\x0cf", "\u3000"],
    "control characters": ["\x01", "\x7f", "a\rb"],
    "words that look like columns": ["B-PER", "O", "#", "-", "--"],
}


@pytest.fixture(params=SENTENCES, ids=list(SENTENCES))
def tokens(request: pytest.FixtureRequest) -> list[str]:
    return SENTENCES[request.param]


def test_odd_tokens_are_tagged_in_columns(tokens: list[str], tiny_model_path: Path, tmp_path: Path):
    (tmp_path / "x.conll").write_bytes("".join(f"{token}\tNN\n" for token in tokens).encode())
    result = run("tag", tiny_model_path, tmp_path / "x.conll", "--to", "conll")
    assert (result.code, result.err) == (0, "")
    rows = [line.split("\t") for line in result.out.split("\n")[:-1]]
    assert [row[:2] for row in rows] == [[token, "NN"] for token in tokens]
    assert all(len(row) == 3 for row in rows)


def test_odd_tokens_are_tagged_in_json_lines(tokens: list[str], tiny_model_path: Path):
    result = run(
        *("tag", tiny_model_path, "--from", "jsonl", "--to", "jsonl"),
        stdin=json.dumps({"tokens": tokens}).encode(),
    )
    prediction = json.loads(result.out)
    assert prediction["tokens"] == tokens
    assert len(prediction["tags"]) == len(tokens)


def test_odd_tokens_are_tagged_as_text(tokens: list[str], tiny_model_path: Path):
    text = " ".join(tokens)
    result = run("tag", tiny_model_path, "--from", "text", "--to", "jsonl", stdin=text.encode())
    prediction = json.loads(result.out)
    assert prediction["text"] == text
    without_space = "".join(text.split()).translate(dict.fromkeys(range(0x1C, 0x20)))
    assert "".join(prediction["tokens"]) == without_space


def test_odd_tokens_are_evaluated(tokens: list[str], tiny_model_path: Path, tmp_path: Path):
    (tmp_path / "x.conll").write_bytes("".join(f"{token}\tB-PER\n" for token in tokens).encode())
    figures = json.loads(run("evaluate", tiny_model_path, tmp_path / "x.conll", "--json").out)
    assert (figures["sentences"], figures["tokens"], figures["gold"]) == (1, len(tokens), len(tokens))


@pytest.mark.parametrize("content", [b"", b"\n", b"\r\n\r\n", b"-DOCSTART- -X- O O\n\n", b"\xef\xbb\xbf"])
def test_a_file_without_sentences_has_no_predictions_and_scores_zero(
    content: bytes, tiny_model_path: Path, tmp_path: Path
):
    (tmp_path / "x.conll").write_bytes(content)
    assert run("tag", tiny_model_path, tmp_path / "x.conll") == Result(0, "", "")
    figures = json.loads(run("evaluate", tiny_model_path, tmp_path / "x.conll", "--json").out)
    assert (figures["sentences"], figures["f1"], figures["accuracy"]) == (0, 0.0, 0.0)


@pytest.mark.parametrize(
    "content",
    [
        b"Jay\tO\r\nleft\tO\r\n\r\n",
        b"\xef\xbb\xbfJay\tO\nleft\tO\n",
        b"Jay\tO\nleft\tO",
        b"\n\n\nJay\tO\nleft\tO\n\n\n",
        b"-DOCSTART-\tO\n\nJay\tO\nleft\tO\n-DOCSTART-\tO\n",
        b"Jay O\nleft  O \n",
    ],
    ids=repr,
)
def test_line_ends_byte_order_marks_and_blank_lines_change_no_token(
    content: bytes, tiny_model_path: Path, tmp_path: Path
):
    (tmp_path / "x.conll").write_bytes(content)
    (prediction,) = run("tag", tiny_model_path, tmp_path / "x.conll", "--to", "jsonl").out.splitlines()
    assert json.loads(prediction)["tokens"] == ["Jay", "left"]
    figures = json.loads(run("evaluate", tiny_model_path, tmp_path / "x.conll", "--json").out)
    assert (figures["sentences"], figures["tokens"], figures["gold"]) == (1, 2, 0)


@pytest.mark.parametrize("command", ["tag", "evaluate"])
@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"Jay\tO\nle\0ft\tO\n", "2: found a NUL byte (byte 3 of the line)"),
        (b"Jay\tO\n\nle\xe9\tO\n", "3: found byte 0xE9 (byte 3 of the line)"),
        (b"\xff\xfeJ\0a\0y\0", "1: found a NUL byte (byte 4 of the line)"),
        (b"Jay\tO\nleft\tO\tO\n", "2: found 3 columns ('left\\tO\\tO')"),
    ],
    ids=["NUL", "Latin-1", "UTF-16", "ragged"],
)
def test_bytes_that_are_no_columns_are_an_error_of_one_line(
    command: str, content: bytes, found: str, tiny_model_path: Path, tmp_path: Path
):
    (tmp_path / "x.conll").write_bytes(content)
    result = run(command, tiny_model_path, tmp_path / "x.conll")
    assert (result.code, result.out, result.err.count("\n")) == (1, "", 1)
    assert result.err.startswith(f"error: {tmp_path}/x.conll:{found}; expected ")
