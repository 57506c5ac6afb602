from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagsmith.rules import Rule, Rules
from tagsmith.segment import tokenize
from tagsmith.serve import micro_batches
from tagsmith.serve.limits import Limits
from tagsmith.serve.messages import TagRequest
from tagsmith.serve.refusals import RequestRefused
from tagsmith.serve.tag_inputs import TagInput, check_size, read_line, read_options, read_request, request_inputs
from tagsmith.text import Sentence
from tests.support.running import Running


def test_many_rules_cost_so_much_that_little_text_is_tagged_in_a_thread(service: Running):
    rules = Rules([Rule(tokens=("a",), label="PER", bonus=0.1)] * 1000)
    assert TagInput("a").cost() < micro_batches._INLINE_COST
    assert TagInput("a", rules=rules).cost() > micro_batches._INLINE_COST
    body = {"inputs": ["a"] * 50, "rules": [{"tokens": ["a"], "label": "PER", "bonus": 0.1}] * 1000}
    assert service.post(body).status_code == 200


@given(st.text(st.characters(codec="utf-8"), max_size=80), st.integers(1, 12))
def test_a_text_is_refused_exactly_if_it_has_more_tokens_than_the_limit(text: str, limit: int):
    if len(tokenize(text, "words")) <= limit:
        check_size(TagInput(text), "this line", Limits(tokens=limit), "words")
    else:
        with pytest.raises(RequestRefused) as caught:
            check_size(TagInput(text), "this line", Limits(tokens=limit), "words")
        assert (caught.value.status, caught.value.code) == (413, "too_many_tokens")


def test_inputs_are_texts_or_sentences_with_the_rules_of_the_request():
    rule = Rule(tokens=("Jay",), label="PER")
    inputs = request_inputs(TagRequest(inputs=["Jay left.", ["Jay"]], rules=[rule]))
    assert [one.content for one in inputs] == ["Jay left.", Sentence(["Jay"])]
    assert all(one.rules is not None and list(one.rules.rules) == [rule] for one in inputs)


@pytest.mark.parametrize(
    "request_", [TagRequest(), TagRequest(text="x", tokens=["x"]), TagRequest(text="x", inputs=[])]
)
def test_exactly_one_kind_of_input_is_expected(request_: TagRequest):
    with pytest.raises(RequestRefused) as caught:
        request_inputs(request_)
    assert 'expected one of "text", "tokens" and "inputs"' in caught.value.message


def test_the_tokens_of_a_line_come_before_its_text():
    assert read_line(b'{"text": "Jay left.", "tokens": ["Jay"], "id": 7}').content == Sentence(["Jay"])
    one = read_line(b'{"text": "Jay left.", "id": 7}')
    assert (one.content, one.line) == ("Jay left.", {"text": "Jay left.", "id": 7})


def test_options_of_a_query_are_strings():
    options = read_options([("best", "3"), ("probabilities", "true"), ("min_confidence", "0.5")])
    assert (options.best, options.probabilities, options.min_confidence) == (3, True, 0.5)


@pytest.mark.parametrize(("body", "status"), [(b"{", 400), (b"\xff", 400), (b"[]", 422), (b'{"text": 3}', 422)])
def test_malformed_json_is_told_from_wrong_content(body: bytes, status: int):
    with pytest.raises(RequestRefused) as caught:
        read_request(body)
    assert caught.value.status == status


def test_the_answer_to_a_line_copies_its_other_keys(service: Running):
    answer = json.loads(service.post(b'{"text": "Jay", "id": [1]}', "v1/lines").text)
    assert (answer["id"], "sentences" in answer) == ([1], False)
    assert service.post({"text": "Jay"}).json()["answers"][0]["sentences"] == [[0, 1]]
