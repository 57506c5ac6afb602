from __future__ import annotations

import json
import random
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tagsmith import Sentence, Tagger
from tagsmith.formats import jsonl
from tagsmith.serve.messages import TagInput
from tests.support.running import Running

WORDS = ["Jay", "India", "Mira", "Okafor", "New", "South", "Wales", "and", "left", "word1", "word7", "word12", "x"]


def test_a_text_gets_its_spans_with_offsets(service: Running):
    answer = service.post({"text": "Jay left New South Wales."}).json()
    assert answer == {
        "model": "ner",
        "answers": [
            {
                "text": "Jay left New South Wales.",
                "tokens": ["Jay", "left", "New", "South", "Wales", "."],
                "tags": ["B-PER", "O", "B-LOC", "I-LOC", "I-LOC", "O"],
                "spans": [
                    {"start": 0, "end": 1, "label": "PER", "text": "Jay", "start_char": 0, "end_char": 3},
                    {"start": 2, "end": 5, "label": "LOC", "text": "New South Wales", "start_char": 9, "end_char": 24},
                ],
                "sentences": [[0, 6]],
            }
        ],
    }


def test_tokens_and_many_inputs(service: Running):
    assert service.post({"tokens": ["Jay", "left"]}).json()["answers"][0]["tags"] == ["B-PER", "O"]
    answers = service.post({"inputs": ["Jay left. He is in India.", ["India"], "", []]}).json()["answers"]
    assert [answer["sentences"] for answer in answers] == [[[0, 3], [3, 8]], [[0, 1]], [], []]
    assert [answer["tags"] for answer in answers[1:]] == [["B-LOC"], [], []]
    assert service.post({"inputs": []}).json()["answers"] == []


def test_options_do_what_they_do_in_python(service: Running, model_files: Path):
    tagger = Tagger.load(model_files / "random.safetensors")
    text = "word1 word2 word3. word4 Jay"
    choices: list[dict[str, Any]] = [
        {},
        {"scheme": "BIOES"},
        {"probabilities": True},
        {"best": 3},
        {"min_confidence": 0.6},
        {"probabilities": True, "best": 2, "scheme": "IOE1"},
    ]
    for options in choices:
        sent = service.post({"text": text, "model": "random", **options}).json()["answers"][0]
        tagged = tagger.tag(text, **options)
        assert sent == json.loads(TagInput(text).answer(tagged)), options
    assert "token_probabilities" not in service.post({"text": text, "model": "random"}).json()["answers"][0]


def test_rules_of_a_request_and_of_a_line(service: Running):
    rules = [{"tokens": ["left"], "label": "LOC"}, {"not": "PER"}]
    answers = service.post({"inputs": ["Jay left.", ["left"]], "rules": rules}).json()["answers"]
    assert [answer["tags"] for answer in answers] == [["O", "B-LOC", "O"], ["B-LOC"]]
    placed = service.post({"text": "Jay left.", "rules": [{"token": 1, "label": "PER"}]}).json()["answers"]
    assert placed[0]["tags"] == ["B-PER", "B-PER", "O"]
    body = [{"text": "Jay left.", "rules": rules}, {"text": "Jay left."}]
    lines = service.post("\n".join(map(json.dumps, body)).encode(), "v1/lines").text.splitlines()
    assert [json.loads(line)["tags"] for line in lines] == [["O", "B-LOC", "O"], ["B-PER", "O", "O"]]


def test_rules_that_fail_one_request_leave_its_neighbours_alone(service: Running):
    bad = {"text": "Jay left.", "rules": [{"token": 0, "tag": "PER"}, {"token": 0, "not": "PER"}]}
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(service.post, [bad, {"text": "Jay left."}] * 30))
    assert [answer.status_code for answer in answers] == [422, 200] * 30
    assert "leave no legal tags" in answers[0].json()["error"]["message"]
    lines = service.post("\n".join(map(json.dumps, [bad, {"text": "Jay"}])).encode(), "v1/lines").text.splitlines()
    assert [json.loads(line).get("line") for line in lines] == [1, None]


def test_another_model_by_its_name(service: Running):
    answer = service.post({"text": "Jay is", "model": "pos"}).json()
    assert (answer["model"], answer["answers"][0]["tags"]) == ("pos", ["NOUN", "VERB"])


def test_an_answer_does_not_depend_on_its_neighbours(service: Running, model_files: Path):
    """Many different requests at once, sharing batches, each compared to the bit with the text tagged alone."""
    tagger = Tagger.load(model_files / "random.safetensors", threads=1)
    dice = random.Random(5)
    texts = [" ".join(dice.choices(WORDS, k=dice.randint(1, 60))) for _ in range(300)]
    choices: list[dict[str, Any]] = [{}, {"probabilities": True}, {"probabilities": True, "best": 2}]
    options = [dice.choice(choices) for _ in texts]
    expected = [
        b'{"model":"random","answers":[' + TagInput(text).answer(tagger.tag(text, **wanted)) + b"]}"
        for text, wanted in zip(texts, options, strict=True)
    ]

    def batches() -> float:
        return float(_metric(service.get("metrics").text, "tagsmith_batch_texts_count"))

    for _ in range(20):  # on a busy machine requests may come one by one
        before = batches()
        with ThreadPoolExecutor(32) as pool:
            jobs = zip(texts, options, strict=True)
            answers = list(pool.map(lambda job: service.post({"text": job[0], "model": "random", **job[1]}), jobs))
        assert [answer.content for answer in answers] == expected
        if batches() - before < len(texts):
            return
    pytest.fail("no two requests ever shared a batch")


@given(st.text(st.characters(codec="utf-8"), max_size=60))
@settings(max_examples=40)
def test_any_text_is_tagged_as_in_python(service: Running, model_files: Path, text: str):
    tagger = _loaded(model_files / "ner.safetensors")
    answer = service.post({"text": text}).json()["answers"][0]
    assert answer == json.loads(TagInput(text).answer(tagger.tag(text)))


def test_a_large_request_lets_small_ones_pass(service: Running):
    large = {"inputs": ["word1 " * 200] * 50, "model": "random", "best": 10}
    service.post({"text": "Jay left."})
    with ThreadPoolExecutor(2) as pool:
        slow = pool.submit(service.post, large)
        small = [service.post({"text": "Jay left."}) for _ in range(5)]
        assert not slow.done()
        assert [answer.status_code for answer in (*small, slow.result())] == [200] * 6


class TestLines:
    def test_a_line_for_each_line_with_its_own_keys(self, service: Running):
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

    def test_they_are_what_the_shell_writes(self, service: Running, model_files: Path):
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

    def test_what_the_tagger_refuses_is_said_line_by_line(self, service: Running):
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
        """A body without end: each line is answered before the next one is sent."""
        import socket

        with socket.create_connection(("127.0.0.1", service.port), timeout=30) as line:
            line.sendall(b"POST /v1/lines HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n")
            for _ in range(3):
                line.sendall(b'10\r\n{"text": "Jay"}\n\r\n')
                while b"gold" not in (found := line.recv(65536)) and b'"PER"' not in found:
                    pass
            line.sendall(b"0\r\n\r\n")
            assert line.recv(65536) == b"0\r\n\r\n"

    @pytest.mark.parametrize("query", ["best=0", "best=x", "colour=red", "scheme=XYZ", "probabilities=maybe"])
    def test_options_that_can_not_be_are_refused(self, service: Running, query: str):
        answer = service.post(b"", f"v1/lines?{query}")
        assert (answer.status_code, answer.json()["error"]["code"]) == (422, "invalid")


def _metric(page: str, name: str) -> str:
    return next(line.split()[1] for line in page.splitlines() if line.startswith(name))


_TAGGERS: dict[Path, Tagger] = {}


def _loaded(path: Path) -> Tagger:
    return _TAGGERS.setdefault(path, Tagger.load(path))


def test_tokens_are_a_sentence_and_not_a_text(service: Running, model_files: Path):
    tokens = ["Jay left", "New", "South", "Wales"]
    tagged = _loaded(model_files / "ner.safetensors").tag(Sentence(tokens))
    assert service.post({"tokens": tokens}).json()["answers"][0]["tags"] == list(tagged.tags)


def test_the_page_for_people_tells_of_every_route_and_option(service: Running):
    answer = service.get("docs")
    assert answer.status_code == 200
    for route in ("/v1/tag", "/v1/lines", "/v1/models", "/healthz", "/readyz", "/metrics"):
        assert route in answer.text
    assert "<code>min_confidence</code> in the query" in answer.text
    assert "<code>name</code> in the path" in answer.text
