"""The inputs of a request: read from its JSON, checked against the limits, and their answers written as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from msgspec import Struct

from tagsmith.errors import DataError
from tagsmith.formats import jsonl
from tagsmith.rules import InputWithRules, Rule, Rules
from tagsmith.segment import tokenize
from tagsmith.serve.limits import Limits
from tagsmith.serve.messages import TagOptions, TagRequest, Token
from tagsmith.serve.refusals import RequestRefused, invalid
from tagsmith.text import Sentence, Tagged, TokenizerName

_JSON_ERRORS = (msgspec.MsgspecError, DataError, UnicodeDecodeError, RecursionError)


@dataclass(frozen=True, slots=True)
class TagInput:
    """One input to tag."""

    content: str | Sentence
    line: dict[str, Any] | None = None
    """The object that it came in, if from JSON lines."""
    rules: Rules | None = None

    def to_tag(self) -> str | Sentence | InputWithRules:
        """Return the input of ``Tagger.tag``."""
        return self.content if self.rules is None else InputWithRules(self.content, self.rules)

    def cost(self) -> int:
        """Return roughly what tagging it costs: its characters, counted once more for each rule."""
        content = self.content
        characters = len(content) if isinstance(content, str) else sum(map(len, content.tokens))
        return (characters + 1) * (1 + (len(self.rules.rules) if self.rules else 0))

    def answer(self, tagged: Tagged) -> bytes:
        """Return the answer as JSON.

        The answer to a line of JSON lines is what ``tagsmith tag --to jsonl`` writes. Any other has ``sentences`` too.
        """
        if self.line is not None:
            return msgspec.json.encode(jsonl.to_object(tagged, self.line))
        return msgspec.json.encode({**jsonl.to_object(tagged), "sentences": tagged.sentences})


class _Line(Struct):
    """The keys of a JSON line that are read; its other keys are copied to the answer."""

    text: str | None = None
    tokens: list[Token] | None = None
    rules: list[Rule] = []


_REQUEST = msgspec.json.Decoder(TagRequest)


def read_request(body: bytes) -> TagRequest:
    """Return the request in a JSON body.

    Raises:
        RequestRefused: the body is not JSON, or not a request.
    """
    try:
        return _REQUEST.decode(body)
    except _JSON_ERRORS as error:
        raise _json_refused(error, "the body") from None


def request_inputs(request: TagRequest) -> list[TagInput]:
    """Return the inputs of a request.

    Raises:
        RequestRefused: not exactly one of ``text``, ``tokens`` and ``inputs`` is given.
    """
    values = {name: getattr(request, name) for name in ("text", "tokens", "inputs")}
    given = [name for name, value in values.items() if value is not None]
    if len(given) != 1:
        found = " and ".join(given) or "none of them"
        raise invalid(f'found {found}; expected one of "text", "tokens" and "inputs"')
    value, rules = values[given[0]], _checked_rules(request.rules)
    contents = value if given[0] == "inputs" else [value]
    return [TagInput(Sentence(one) if isinstance(one, list) else one, rules=rules) for one in contents]


def read_options(query: Sequence[tuple[str, str]]) -> TagOptions:
    """Return the options in a query, given as names and values.

    Raises:
        RequestRefused: an unknown option, an option given twice, or a value that is not allowed.
    """
    options = dict(query)
    if len(options) < len(query):
        raise invalid("found an option twice in the query; expected each once")
    try:
        return msgspec.convert(options, TagOptions, strict=False)
    except msgspec.ValidationError as error:
        raise _json_refused(error, "the query") from None


def read_line(line: bytes) -> TagInput:
    """Return the input in a line of JSON lines: its tokens or else its text, as ``tagsmith tag`` reads it.

    Raises:
        RequestRefused: the line is not a JSON object with text or tokens.
    """
    try:
        value = msgspec.json.decode(line, type=dict[str, Any])
        read = msgspec.convert(value, _Line)
    except _JSON_ERRORS as error:
        raise _json_refused(error, "this line") from None
    content = read.text if read.tokens is None else Sentence(read.tokens)
    if content is None:
        raise invalid('found neither of them; expected "text" or "tokens"')
    return TagInput(content, value, _checked_rules(read.rules))


def check_size(one: TagInput, place: str, limits: Limits, tokenizer: TokenizerName) -> None:
    """Check that an input is within the limits.

    Raises:
        RequestRefused: it has too many tokens, or too many rules.
    """
    content, rules = one.content, len(one.rules.rules) if one.rules else 0
    if rules > limits.rules:
        raise RequestRefused(413, "too_many_rules", f"found {rules} rules for {place}; expected at most {limits.rules}")
    if len(content) <= limits.tokens:  # no text has more tokens than characters
        return
    if isinstance(content, Sentence) or _has_more_tokens(content, limits.tokens, tokenizer):
        expected = f"expected at most {limits.tokens}"
        raise RequestRefused(413, "too_many_tokens", f"found more than {limits.tokens} tokens in {place}; {expected}")


def _has_more_tokens(text: str, limit: int, tokenizer: TokenizerName) -> bool:
    """Return whether a text has more tokens than the limit. Only as much of it is tokenized as that takes."""
    size = 4 * limit
    while size < len(text):
        if len(tokenize(text[:size], tokenizer)) > limit + 1:  # the last token may be cut
            return True
        size *= 2
    return len(tokenize(text, tokenizer)) > limit


def _json_refused(error: Exception, place: str) -> RequestRefused:
    """Return the refusal of JSON that could not be read: 400 if it is malformed, 422 if its content is wrong."""
    if isinstance(error, msgspec.ValidationError | DataError):
        return invalid(str(error))
    return RequestRefused(400, "malformed", f"{place} is not valid JSON: {error}")


def _checked_rules(rules: list[Rule]) -> Rules | None:
    """Return the rules of an input. Patterns are refused, because a regular expression can take arbitrarily long."""
    if any(rule.pattern is not None for rule in rules):
        raise invalid('found a rule with "pattern"; expected "tokens", a place, or neither')
    return Rules(rules) if rules else None
