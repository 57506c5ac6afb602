from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tagsmith import Sentence, Tagger
from tagsmith.serve.tag_inputs import TagInput
from tests.support.running import Running


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


def test_tokens_are_a_sentence_and_not_a_text(service: Running, model_files: Path):
    tokens = ["Jay left", "New", "South", "Wales"]
    tagged = _loaded(model_files / "ner.safetensors").tag(Sentence(tokens))
    assert service.post({"tokens": tokens}).json()["answers"][0]["tags"] == list(tagged.tags)


def test_options_work_as_in_python(service: Running, model_files: Path):
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


def test_rules_that_fail_one_request_do_not_affect_others(service: Running):
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


@given(st.text(st.characters(codec="utf-8"), max_size=60))
@settings(max_examples=40)
def test_any_text_is_tagged_as_in_python(service: Running, model_files: Path, text: str):
    tagger = _loaded(model_files / "ner.safetensors")
    answer = service.post({"text": text}).json()["answers"][0]
    assert answer == json.loads(TagInput(text).answer(tagger.tag(text)))


_TAGGERS: dict[Path, Tagger] = {}


def _loaded(path: Path) -> Tagger:
    return _TAGGERS.setdefault(path, Tagger.load(path))


LONG = b'{"text": "' + b"a " * 100_000 + b'"}'


def refusal(service: Running, body: object, **more: str) -> tuple[int, str]:
    answer = service.post(body, **more)
    return answer.status_code, answer.json()["error"]["code"]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"", (400, "malformed")),
        (b"{", (400, "malformed")),
        (b"text", (400, "malformed")),
        (b'{"text": "\xff"}', (400, "malformed")),
        (rb'{"text": "\ud800"}', (400, "malformed")),
        (b'{"inputs": ' + b"[" * 50_000, (422, "invalid")),
        (b"[]", (422, "invalid")),
        (b"{}", (422, "invalid")),
        ({"text": "x", "tokens": ["x"]}, (422, "invalid")),
        ({"text": None}, (422, "invalid")),
        ({"text": "x", "bset": 3}, (422, "invalid")),
        ({"text": "x", "best": 0}, (422, "invalid")),
        ({"text": "x", "best": 11}, (422, "invalid")),
        (b'{"text": "x", "best": 1e400}', (422, "invalid")),
        ({"text": "x", "min_confidence": 1.5}, (422, "invalid")),
        ({"text": "x", "min_confidence": "0.5"}, (422, "invalid")),
        ({"text": "x", "scheme": "XYZ"}, (422, "invalid")),
        ({"text": "x", "model": "pos", "min_confidence": 0.5}, (422, "invalid")),
        ({"tokens": ["x", ""]}, (422, "invalid")),
        ({"inputs": [["x"], [""]]}, (422, "invalid")),
        ({"text": "x", "rules": [{"pattern": ["(a+)+b"], "label": "PER"}]}, (422, "invalid")),
        ({"text": "x", "rules": [{"label": "PER"}]}, (422, "invalid")),
        ({"text": "x", "rules": [{"token": 5, "label": "PER"}]}, (422, "invalid")),
        ({"text": "x", "rules": [{"not": "NO"}]}, (422, "invalid")),
        ({"inputs": ["x"] * 51}, (413, "too_many_texts")),
        ({"text": "a " * 2001}, (413, "too_many_tokens")),
        ({"tokens": ["a"] * 2001}, (413, "too_many_tokens")),
        ({"text": "x", "rules": [{"tokens": ["x"], "label": "PER"}] * 1001}, (413, "too_many_rules")),
        ({"text": "a@" * 2001}, (413, "too_many_tokens")),
        (LONG, (413, "too_large")),
        ({"text": "x", "model": "other"}, (404, "unknown_model")),
    ],
)
def test_bad_bodies_are_refused(service: Running, body: object, expected: tuple[int, str]):
    assert refusal(service, body) == expected


def test_inputs_at_the_limits_are_tagged(service: Running):
    assert service.post({"inputs": ["x"] * 50}).status_code == 200
    assert len(service.post({"text": "a " * 2000}).json()["answers"][0]["tokens"]) == 2000
    assert service.post({"text": "a" * 60_000}).status_code == 200


def test_refusals_of_other_kinds(service: Running):
    assert refusal(service, {"text": "x"}, path="v1/tag?best=2") == (422, "invalid")
    assert refusal(service, {}, path="v1/none") == (404, "not_found")
    assert refusal(service, {}, path="healthz") == (405, "method")
    answer = service.post({"text": "x"}, headers={"Content-Encoding": "gzip"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (415, "encoded")
    assert refusal(service, {}, path="v1/models/ner/reload") == (403, "no_keys")
    assert refusal(service, b'{"text": "x"}', path="v1/lines?best=2&best=3") == (422, "invalid")
