from __future__ import annotations

import asyncio
import itertools
import json
import socket
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagsmith import Tagger
from tagsmith.formats import jsonl
from tagsmith.serve.json_lines import answer_lines
from tagsmith.serve.limits import Limits
from tagsmith.serve.tag_inputs import TagInput
from tests.support.running import Running


@given(st.lists(st.integers(1, 40), max_size=6), st.lists(st.sampled_from(["a", "bb", ""]), max_size=6))
def test_lines_are_answered_in_order_however_the_body_is_cut(sizes: list[int], texts: list[str]):
    body = "\n\n".join(json.dumps({"text": text}) for text in texts).encode()
    cuts = [0, *itertools.accumulate(sizes), len(body)]

    async def chunks() -> AsyncIterator[bytes]:
        for start, end in itertools.pairwise(cuts):
            yield body[start:end]

    assert answered(chunks()) == (None, [json.dumps(text) for text in texts])


def test_a_line_that_is_not_json_is_answered_by_an_error_with_its_number():
    async def chunks() -> AsyncIterator[bytes]:
        yield b'{"text": "a"}\n\n{'

    ended, lines = answered(chunks())
    assert (ended, lines[0]) == (None, '"a"')
    assert (json.loads(lines[1])["line"], json.loads(lines[1])["error"]["code"]) == (3, "malformed")


def answered(chunks: AsyncIterator[bytes]) -> tuple[str | None, list[str]]:
    """Return how the answers ended, and the answer to each line, by a tagger that returns the text."""
    written: list[bytes] = []

    async def write(body: bytes) -> None:
        written.append(body)

    async def tag(inputs: Sequence[TagInput]) -> list[bytes]:
        return [json.dumps(one.content).encode() for one in inputs]

    ended = asyncio.run(answer_lines(chunks, write, tag, Limits(), "words"))
    return ended, b"".join(written).decode().splitlines()


class TestLines:
    def test_each_line_is_answered_with_its_own_keys(self, service: Running):
        lines = [{"text": "Jay left.", "id": 7}, {"tokens": ["India"], "tags": ["O"]}, {"text": "", "sentences": 3}]
        body = "\n\n".join(map(json.dumps, lines)).encode()
        answer = service.post(body, "v1/lines?probabilities=true")
        assert answer.headers["content-type"] == "application/x-ndjson"
        found = [json.loads(line) for line in answer.text.splitlines()]
        assert [(one.get("id"), one["tags"]) for one in found] == [
            (7, ["B-PER", "O", "O"]),
            (None, ["B-LOC"]),
            (None, []),
        ]
        assert found[1]["gold_tags"] == ["O"]
        assert found[2]["sentences"] == 3
        assert found[0]["spans"][0]["probability"] > 0.9

    def test_answers_are_what_the_command_writes(self, service: Running, model_files: Path):
        tagger = Tagger.load(model_files / "random.safetensors")
        lines = [{"text": f"word{i} Jay and word{i + 1}. India", "n": i} for i in range(400)]
        body = "".join(json.dumps(line) + "\r\n" for line in lines).encode()
        answer = service.post(body, "v1/lines?model=random&best=2")
        expected = [jsonl.dumps(jsonl.to_object(tagger.tag(line["text"], best=2), line)) for line in lines]
        assert answer.text == "".join(expected)

    def test_a_bad_line_is_answered_in_its_place(self, service: Running):
        body = b'{"text": "Jay"}\n{"text": 3}\nnot json\n{}\n{"tokens": [""]}\n[]\n{"text": "India"}'
        found = [json.loads(line) for line in service.post(body, "v1/lines").text.splitlines()]
        assert [one.get("line") for one in found] == [None, 2, 3, 4, 5, 6, None]
        assert [one["error"]["code"] for one in found[1:-1]] == ["invalid", "malformed", *["invalid"] * 3]

    def test_what_the_tagger_refuses_is_reported_for_each_line(self, service: Running):
        answer = service.post(b'{"text": "Jay"}\n{"text": "is"}', "v1/lines?model=pos&min_confidence=0.5")
        found = [json.loads(line) for line in answer.text.splitlines()]
        assert [one["line"] for one in found] == [1, 2]
        assert "plain tags" in found[0]["error"]["message"]

    def test_a_line_that_is_too_long_ends_the_answers(self, service: Running):
        body = b'{"text": "Jay"}\n{"text": "' + b"x" * 200_000 + b'"}\n{"text": "India"}\n'
        found = [json.loads(line) for line in service.post(body, "v1/lines").text.splitlines()]
        assert [one.get("line") for one in found] == [None, 2]
        assert found[1]["error"]["code"] == "too_large"

    def test_answers_come_while_lines_are_still_sent(self, service: Running):
        """In a body without end, each line is answered before the next one is sent."""
        with socket.create_connection(("127.0.0.1", service.port), timeout=30) as line:
            line.sendall(b"POST /v1/lines HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n")
            for _ in range(3):
                line.sendall(b'10\r\n{"text": "Jay"}\n\r\n')
                while b"gold" not in (found := line.recv(65536)) and b'"PER"' not in found:
                    pass
            line.sendall(b"0\r\n\r\n")
            assert line.recv(65536) == b"0\r\n\r\n"

    @pytest.mark.parametrize("query", ["best=0", "best=x", "colour=red", "scheme=XYZ", "probabilities=maybe"])
    def test_invalid_options_are_refused(self, service: Running, query: str):
        answer = service.post(b"", f"v1/lines?{query}")
        assert (answer.status_code, answer.json()["error"]["code"]) == (422, "invalid")
