"""A client of the service: it gives the same answers as ``Tagger.tag``, from another machine."""

from __future__ import annotations

import random
import time
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from types import TracebackType
from typing import Any

import msgspec

from tagsmith.errors import ConfigError, DataError, TagsmithError
from tagsmith.extras import require
from tagsmith.serve.messages import (
    AlternativeMessage,
    ErrorResponse,
    ModelInfo,
    SpanMessage,
    TagResponse,
    TagResponses,
)
from tagsmith.text import Alternative, Sentence, Tagged, TaggedSpan

require("httpx", "httpx", "client")
import httpx  # noqa: E402

Given = str | Sequence[str] | Sentence
_INPUTS_PER_REQUEST = 50
_MAX_WAIT = 30.0  # seconds between two attempts


class ServiceError(TagsmithError):
    """The service refused a request, or could not be reached."""

    def __init__(self, status: int | None, code: str, message: str, request_id: str = "") -> None:
        self.status, self.code, self.request_id = status, code, request_id
        super().__init__(f"{message} ({code}{f', request {request_id}' if request_id else ''})")


class Client:
    """A client of a service. Threads can share one.

    A request is repeated if the service is busy (503) or can't be reached: after the time that the service asks for, or
    else with exponential backoff. Tagging has no side effects, so it is safe to repeat.

    Args:
        url: the address of the service, such as ``http://127.0.0.1:8000``.
        key: an API key, if the service requires one.
        tries: how often a request is sent at most.
        timeout: seconds to wait for a response.

    Example:
        >>> with Client("http://127.0.0.1:8000") as client:                      # doctest: +SKIP
        ...     print(client.tag("Jay is from India.").spans)
    """

    def __init__(self, url: str, *, key: str | None = None, tries: int = 5, timeout: float = 60.0) -> None:
        headers = {} if key is None else {"Authorization": f"Bearer {key}"}
        self._http = httpx.Client(base_url=url.rstrip("/") + "/", headers=headers, timeout=timeout)
        self._tries = tries

    def tag(self, given: Given, **options: Any) -> Tagged:
        """Return the answer for one input: a text, or the tokens of a sentence. Options as for ``tag_all``."""
        return self._tag([given], options)[0]

    def tag_all(self, inputs: Iterable[Given], **options: Any) -> Iterator[Tagged]:
        """Yield the answers for many inputs, lazily and in order, with some dozens in a request.

        Args:
            options: ``model``; ``scheme``, ``probabilities``, ``best``, ``min_confidence`` as for ``Tagger.tag``; and
                ``rules``, a list of ``Rule``, which apply to every input.

        Raises:
            ServiceError: the service refused a request, or could not be reached.
            DataError: a text is not valid Unicode.
            ConfigError: ``min_confidence`` is not a number from 0 to 1.
        """
        rest = iter(inputs)
        while batch := list(islice(rest, _INPUTS_PER_REQUEST)):
            yield from self._tag(batch, options)

    def models(self) -> list[ModelInfo]:
        """Return the models of the service; the first is the default."""
        return msgspec.json.decode(self._send("GET", "v1/models"), type=list[ModelInfo])

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _tag(self, inputs: Sequence[Given], options: dict[str, Any]) -> list[Tagged]:
        contents = [one.tokens if isinstance(one, Sentence) else one for one in inputs]
        least = options.get("min_confidence")
        if least is not None and not 0 <= least <= 1:  # JSON has no NaN: it would be sent as null, which is no limit
            raise ConfigError(f"found min_confidence {least}; expected 0 to 1")
        try:
            request = msgspec.json.encode({"inputs": contents, **options})
        except UnicodeEncodeError as error:
            raise DataError(f"text that is not valid Unicode ({error.reason})", "text") from None
        try:
            body = self._send("POST", "v1/tag", request)
        except ServiceError as error:
            if error.status != 413 or len(inputs) == 1:
                raise
            half = len(inputs) // 2  # the service takes less at a time
            return self._tag(inputs[:half], options) + self._tag(inputs[half:], options)
        return [_tagged(answer) for answer in msgspec.json.decode(body, type=TagResponses).answers]

    def _send(self, method: str, path: str, body: bytes | None = None) -> bytes:
        """Return the body of the response, after as many attempts as needed and allowed."""
        wait = 0.1
        for attempts_left in reversed(range(self._tries)):
            try:
                response = self._http.request(method, path, content=body)
            except httpx.TransportError as error:
                failure = ServiceError(None, "unreachable", f"{self._http.base_url}: {error or type(error).__name__}")
                retry_after = None
            else:
                if response.status_code == 200:
                    return response.content
                failure, retry_after = _failure(response), response.headers.get("retry-after")
            if failure.status not in (None, 503) or not attempts_left:
                raise failure
            time.sleep(min(float(retry_after) if retry_after else wait * random.uniform(0.5, 1.5), _MAX_WAIT))
            wait *= 2
        raise ValueError(f"tries {self._tries}; expected at least 1")


def _failure(response: httpx.Response) -> ServiceError:
    try:
        error = msgspec.json.decode(response.content, type=ErrorResponse).error
    except msgspec.MsgspecError:  # from a proxy in between
        return ServiceError(response.status_code, "http", f"status {response.status_code} from {response.url}")
    return ServiceError(response.status_code, error.code, error.message, error.request_id)


def _tagged(answer: TagResponse) -> Tagged:
    starts, at = [], 0
    for token in answer.tokens:  # the text is the tokens in order, with nothing but white space between them
        starts.append(at := answer.text.index(token, at))
        at += len(token)
    alternatives = None
    if not isinstance(answer.alternatives, msgspec.UnsetType):
        alternatives = tuple(tuple(map(_alternative, ranked)) for ranked in answer.alternatives)
    return Tagged(
        text=answer.text,
        tokens=tuple(answer.tokens),
        tags=tuple(answer.tags),
        spans=tuple(map(_span, answer.spans)),
        starts=tuple(starts),
        sentences=tuple(answer.sentences),
        token_probabilities=_values(answer.token_probabilities),
        sentence_probabilities=_values(answer.sentence_probabilities),
        alternatives=alternatives,
    )


def _span(span: SpanMessage) -> TaggedSpan:
    probability = None if isinstance(span.probability, msgspec.UnsetType) else span.probability
    return TaggedSpan(span.start, span.end, span.label, span.text, span.start_char, span.end_char, probability)


def _alternative(one: AlternativeMessage) -> Alternative:
    return Alternative(tuple(one.tags), tuple(map(_span, one.spans)), one.log_probability)


def _values(values: list[float] | msgspec.UnsetType) -> tuple[float, ...] | None:
    return None if isinstance(values, msgspec.UnsetType) else tuple(values)
