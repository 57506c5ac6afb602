from __future__ import annotations

import inspect

import msgspec

from tagsmith import Tagger
from tagsmith.rules import Rule
from tagsmith.serve.messages import SpanMessage, TagOptions, TagRequest, TagResponse


def test_options_are_arguments_of_tagger_tag_with_its_defaults():
    parameters = inspect.signature(Tagger.tag).parameters
    arguments = TagOptions().tag_arguments()
    assert arguments == {name: parameters[name].default for name in arguments}
    assert arguments.keys() == {*TagOptions.__struct_fields__} - {"model"}


def test_a_request_survives_a_round_trip():
    request = TagRequest(tokens=["Jay"], rules=[Rule(tokens=("Jay",), label="PER")], best=3, scheme="BIOES")
    assert msgspec.json.decode(msgspec.json.encode(request), type=TagRequest) == request


def test_what_was_not_asked_for_is_not_sent():
    span = SpanMessage(start=0, end=1, label="PER", text="Jay", start_char=0, end_char=3)
    answer = TagResponse(text="Jay", tokens=["Jay"], tags=["B-PER"], spans=[span], sentences=[(0, 1)])
    sent = msgspec.json.decode(msgspec.json.encode(answer))
    assert sent.keys() == {"text", "tokens", "tags", "spans", "sentences"}
    assert "probability" not in sent["spans"][0]
