"""The types of the service's JSON: what requests contain and what responses contain."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from tagsmith.rules import Rule
from tagsmith.text import SchemeName

Token = Annotated[str, Meta(min_length=1)]
JsonLines = Annotated[
    str, Meta(description='One object with "text" or "tokens" a line. Other keys are copied to the answer.')
]


class TagOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The options of tagging. In a JSON body, or in the query of a request with JSON lines."""

    model: Annotated[str, Meta(description="A name from /v1/models. Default: the first of them.")] | None = None
    scheme: Annotated[SchemeName, Meta(description="The tagging scheme of the answer's tags.")] = "IOB2"
    probabilities: Annotated[bool, Meta(description="Add the probabilities of spans, tokens and sentences.")] = False
    best: Annotated[int, Meta(ge=1, le=10, description="Number of best tag sequences for each sentence.")] | None = None
    min_confidence: Annotated[float, Meta(ge=0, le=1, description="Leave out less probable spans.")] | None = None

    def tag_arguments(self) -> dict[str, Any]:
        """Return the keyword arguments of ``Tagger.tag``. Requests with equal ones can share a batch."""
        return {
            "scheme": self.scheme,
            "probabilities": self.probabilities,
            "best": self.best,
            "min_confidence": self.min_confidence,
        }


class TagRequest(TagOptions, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A text, the tokens of a sentence, or several of either. Exactly one of text, tokens and inputs."""

    text: Annotated[str, Meta(description="Running text.")] | None = None
    tokens: Annotated[list[Token], Meta(description="The tokens of one sentence.")] | None = None
    inputs: Annotated[list[str | list[Token]], Meta(description="Texts, or lists of tokens.")] | None = None
    rules: Annotated[list[Rule], Meta(description="What is known of the tokens of each input.")] = []


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


class EncodedTagResponses(Struct, kw_only=True):
    """``TagResponses`` whose answers are encoded already."""

    model: str
    answers: list[msgspec.Raw]


class ModelInfo(Struct, kw_only=True):
    """A model of the service. Labels and tags are known once it is loaded, which the first request for it does."""

    name: str
    loaded: bool
    labels: Annotated[list[str], Meta(description="The labels of its spans, or its plain tags.")] = []
    tags: list[str] = []
    plain: Annotated[bool, Meta(description="Its tags, such as parts of speech, spell no spans.")] = False
    precision: str | None = None


class ServiceStatus(Struct, kw_only=True):
    """The state of the service."""

    status: str


class ErrorDetail(Struct, kw_only=True):
    """The reason why a request was refused."""

    code: Annotated[str, Meta(description="For programs.")]
    message: Annotated[str, Meta(description="For people.")]
    request_id: str


class ErrorResponse(Struct, kw_only=True):
    """The body of every response whose status is not 200."""

    error: ErrorDetail
