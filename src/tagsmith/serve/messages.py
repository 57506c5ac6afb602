"""What requests ask for and how answers are written: the service's JSON, checked against types."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from tagsmith.errors import DataError
from tagsmith.formats import jsonl
from tagsmith.rules import InputWithRules, Rule, Rules
from tagsmith.schemes import SCHEMES, split_tag
from tagsmith.segment import tokenize
from tagsmith.serve.limits import Limits, RequestRefused
from tagsmith.tagger import Tagger
from tagsmith.text import SchemeName, Sentence, Tagged, TokenizerName

Token = Annotated[str, Meta(min_length=1)]


@dataclass(frozen=True, slots=True)
class TagInput:
    """One input to tag, and the line of JSON lines it came from."""

    given: str | Sentence
    line: dict[str, Any] | None = None
    rules: Rules | None = None

    def to_tag(self) -> str | Sentence | InputWithRules:
        """What ``Tagger.tag`` is given."""
        return self.given if self.rules is None else InputWithRules(self.given, self.rules)

    def weight(self) -> int:
        """About what it costs: its characters, once more for each rule."""
        characters = len(self.given) if isinstance(self.given, str) else sum(map(len, self.given.tokens))
        return (characters + 1) * (1 + (len(self.rules.rules) if self.rules else 0))

    def answer(self, tagged: Tagged) -> bytes:
        """The answer as JSON: to a line as ``tagsmith tag --to jsonl`` has it, else with the borders of sentences."""
        if self.line is not None:
            return msgspec.json.encode(jsonl.to_object(tagged, self.line))
        return msgspec.json.encode({**jsonl.to_object(tagged), "sentences": tagged.sentences})


class TagOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is wanted besides tags and spans. In a JSON body, or in the query of a request of JSON lines."""

    model: Annotated[str, Meta(description="A name from /v1/models. Unset: the first of them.")] | None = None
    scheme: Annotated[SchemeName, Meta(description="How tags write spans.")] = "IOB2"
    probabilities: Annotated[bool, Meta(description="Of spans, tokens and sentences.")] = False
    best: Annotated[int, Meta(ge=1, le=10, description="So many of each sentence's best tag sequences.")] | None = None
    min_confidence: Annotated[float, Meta(ge=0, le=1, description="Leave out spans less probable.")] | None = None

    def wanted(self) -> dict[str, Any]:
        """The arguments of ``Tagger.tag``. Requests in which they are equal can share a batch."""
        return {
            "scheme": self.scheme,
            "probabilities": self.probabilities,
            "best": self.best,
            "min_confidence": self.min_confidence,
        }


class TagRequest(TagOptions, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One text, the tokens of one sentence, or many of either. Exactly one of ``text``, ``tokens`` and ``inputs``."""

    text: Annotated[str, Meta(description="Running text.")] | None = None
    tokens: Annotated[list[Token], Meta(description="The tokens of one sentence.")] | None = None
    inputs: Annotated[list[str | list[Token]], Meta(description="Texts, or lists of tokens.")] | None = None
    rules: Annotated[list[Rule], Meta(description="What is known of tokens of each input.")] = []

    def given(self) -> list[TagInput]:
        """The inputs to tag.

        Raises:
            Refused: there is not exactly one of the three fields.
        """
        values = {name: getattr(self, name) for name in ("text", "tokens", "inputs")}
        given = [name for name, value in values.items() if value is not None]
        if len(given) != 1:
            found = " and ".join(given) or "none of them"
            raise RequestRefused(422, "invalid", f'found {found}; expected one of "text", "tokens" and "inputs"')
        value, rules = values[given[0]], _rules(self.rules, "the body")
        many = value if given[0] == "inputs" else [value]
        return [TagInput(Sentence(one) if isinstance(one, list) else one, rules=rules) for one in many]


class SpanMessage(Struct, kw_only=True):
    """A span of an answer."""

    start: Annotated[int, Meta(description="Its first token.")]
    end: Annotated[int, Meta(description="The token after its last.")]
    label: str
    text: str
    start_char: Annotated[int, Meta(description="Its first character, in Unicode code points.")]
    end_char: Annotated[int, Meta(description="The character after its last.")]
    probability: float | UnsetType = UNSET


class AlternativeMessage(Struct, kw_only=True):
    """One of the best tag sequences of a sentence."""

    tags: list[str]
    spans: list[SpanMessage]
    log_probability: Annotated[float, Meta(description="Natural logarithm.")]


class TagResponse(Struct, kw_only=True):
    """The tags and spans of one input."""

    text: str
    tokens: list[str]
    tags: list[str]
    spans: list[SpanMessage]
    sentences: Annotated[list[tuple[int, int]], Meta(description="The tokens [start, end) of each sentence.")]
    token_probabilities: list[float] | UnsetType = UNSET
    sentence_probabilities: list[float] | UnsetType = UNSET
    alternatives: Annotated[
        list[list[AlternativeMessage]] | UnsetType, Meta(description="For each sentence, best first.")
    ] = UNSET


class TagResponses(Struct, kw_only=True):
    """The answers to a request, in the order of its inputs."""

    model: str
    answers: list[TagResponse]


class ModelInfo(Struct, kw_only=True):
    """A model of the service. Labels and tags are known once it is loaded, which it is when first asked for."""

    name: str
    loaded: bool
    labels: list[str] = []
    """Of its spans; for plain tags, none."""
    tags: list[str] = []
    precision: str | None = None

    @classmethod
    def of(cls, name: str, tagger: Tagger | None) -> ModelInfo:
        """What is known of a model."""
        if tagger is None:
            return cls(name=name, loaded=False)
        tags = [*tagger.model.tags]
        labels = sorted({split_tag(tag)[1] for tag in tags} - {""}) if tagger.model.config.scheme in SCHEMES else []
        return cls(name=name, loaded=True, labels=labels, tags=tags, precision=tagger.precision)


class ErrorDetail(Struct, kw_only=True):
    """Why a request was refused."""

    code: Annotated[str, Meta(description="For programs.")]
    message: Annotated[str, Meta(description="For people.")]
    request_id: str


class ErrorResponse(Struct, kw_only=True):
    """The body of every answer whose status is not 200."""

    error: ErrorDetail


class _Line(Struct):
    """What is read of a line of JSON lines; its other keys come back with the answer."""

    text: str | None = None
    tokens: list[Token] | None = None
    rules: list[Rule] = []


_REQUEST = msgspec.json.Decoder(TagRequest)


def read_request(body: bytes) -> TagRequest:
    """The request in a JSON body.

    Raises:
        Refused: it is no JSON, or not of this shape.
    """
    try:
        return _REQUEST.decode(body)
    except (msgspec.MsgspecError, DataError, UnicodeDecodeError, RecursionError) as error:
        raise refused(error, "the body") from None


def read_options(query: Sequence[tuple[str, str]]) -> TagOptions:
    """The options in a query, names and values, which are strings.

    Raises:
        Refused: one that does not exist or is given twice, or a value it can't have.
    """
    options = dict(query)
    if len(options) < len(query):
        raise RequestRefused(422, "invalid", "found an option twice in the query; expected each once")
    try:
        return msgspec.convert(options, TagOptions, strict=False)
    except msgspec.ValidationError as error:
        raise refused(error, "the query") from None


def read_line(line: bytes) -> TagInput:
    """The input in a line of JSON lines: its tokens, or, without any, its text, as in ``tagsmith tag``.

    Raises:
        Refused: it is no JSON object with text or tokens.
    """
    try:
        value = msgspec.json.decode(line, type=dict[str, Any])
        read = msgspec.convert(value, _Line)
    except (msgspec.MsgspecError, DataError, UnicodeDecodeError, RecursionError) as error:
        raise refused(error, "this line") from None
    if read.tokens is None and read.text is None:
        raise RequestRefused(422, "invalid", 'found neither of them; expected "text" or "tokens"')
    return TagInput(
        Sentence(read.tokens) if read.tokens is not None else read.text or "", value, _rules(read.rules, "this line")
    )


def refused(error: Exception, place: str) -> RequestRefused:
    """What is said of JSON that could not be read: 400 where it is none, 422 where it says something else."""
    if isinstance(error, msgspec.ValidationError | DataError):
        return RequestRefused(422, "invalid", str(error))
    return RequestRefused(400, "malformed", f"{place} is no JSON: {error}")


def _rules(rules: list[Rule], place: str) -> Rules | None:
    """The rules of an input. Patterns are not taken from others: a regular expression can take for ever."""
    for rule in rules:
        if rule.pattern is not None:
            raise RequestRefused(422, "invalid", 'found a rule with "pattern"; expected "tokens", a place, or neither')
    return Rules(rules) if rules else None


def check(one: TagInput, place: str, limits: Limits, tokenizer: TokenizerName) -> None:
    """See to it that an input can be tagged.

    Raises:
        Refused: it has too many tokens, or rules.
    """
    given, rules = one.given, len(one.rules.rules) if one.rules else 0
    if rules > limits.rules:
        raise RequestRefused(413, "too_many_rules", f"found {rules} rules for {place}; expected at most {limits.rules}")
    # No text has more tokens than characters.
    if len(given) > limits.tokens and (not isinstance(given, str) or _has_more(given, limits.tokens, tokenizer)):
        expected = f"expected at most {limits.tokens}"
        raise RequestRefused(413, "too_many_tokens", f"found more than {limits.tokens} tokens in {place}; {expected}")


def _has_more(text: str, tokens: int, tokenizer: TokenizerName) -> bool:
    """Whether a text has more tokens than so many; no more of it is read than it takes to know."""
    size = 4 * tokens
    while size < len(text):
        if len(tokenize(text[:size], tokenizer)) > tokens + 1:  # the last may be cut
            return True
        size *= 2
    return len(tokenize(text, tokenizer)) > tokens
