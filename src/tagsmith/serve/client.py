"""A client of the service: the same answers as ``Tagger.tag`` gives, from another machine."""

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
from tagsmith.serve.messages import AlternativeMessage as SentAlternative
from tagsmith.serve.messages import ErrorResponse, ModelInfo, TagResponse, TagResponses
from tagsmith.serve.messages import SpanMessage as SentSpan
from tagsmith.text import Alternative, Sentence, Tagged, TaggedSpan

require("httpx", "httpx", "client")
import httpx  # noqa: E402

Given = str | Sequence[str] | Sentence
_TOGETHER = 50  # inputs in one request
_LONGEST_WAIT = 30.0  # seconds between two tries


class ServiceError(TagsmithError):
    """The service refused a request, or could not be reached."""

    def __init__(self, status: int | None, code: str, message: str, request_id: str = "") -> None:
        self.status, self.code, self.request_id = status, code, request_id
        super().__init__(f"{message} ({code}{f', request {request_id}' if request_id else ''})")


class Client:
    """Tags with a service. Threads can share one.

    A request that finds the service busy (503), or does not reach it, is tried again, after the time that the service
    asks for, or else twice as long each time. Tagging changes nothing there, so that trying again does no harm.

    Args:
        url: where the service is, such as ``http://127.0.0.1:8000``.
        key: an API key, where the service wants one.
        tries: how often a request is sent at most.
        timeout: seconds to wait for an answer.

    Example:
        >>> with Client("http://127.0.0.1:8000") as client:                      # doctest: +SKIP
        ...     print(client.tag("Jay is from India.").spans)
    """

    def __init__(self, url: str, *, key: str | None = None, tries: int = 5, timeout: float = 60.0) -> None:
        headers = {} if key is None else {"Authorization": f"Bearer {key}"}
        self._http = httpx.Client(base_url=url.rstrip("/") + "/", headers=headers, timeout=timeout)
        self._tries = tries

    def tag(self, given: Given, **options: Any) -> Tagged:
        """The answer for one input: a text, or the tokens of a sentence. Options as for ``tag_all``."""
        return self._tag([given], options)[0]

    def tag_all(self, inputs: Iterable[Given], **options: Any) -> Iterator[Tagged]:
        """The answers for many inputs, lazily and in order, some dozens in a request.

        Args:
            options: ``model``; ``scheme``, ``probabilities``, ``best``, ``min_confidence`` as for ``Tagger.tag``;
                ``rules``, a list of ``Rule``, each of which holds in every input.

        Raises:
            ServiceError: the service refused a request, or could not be reached.
            DataError, ConfigError: what can't be sent: half a character, or a ``min_confidence`` that is none.
        """
        rest = iter(inputs)
        while together := list(islice(rest, _TOGETHER)):
            yield from self._tag(together, options)

    def models(self) -> list[ModelInfo]:
        """The models there are; the first is the one for requests that name none."""
        return msgspec.json.decode(self._send("GET", "v1/models"), type=list[ModelInfo])

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _tag(self, inputs: Sequence[Given], options: dict[str, Any]) -> list[Tagged]:
        sent = [one.tokens if isinstance(one, Sentence) else one for one in inputs]
        least = options.get("min_confidence")
        if least is not None and not 0 <= least <= 1:  # JSON has no NaN: it would be no limit
            raise ConfigError(f"found min_confidence {least}; expected 0 to 1")
        try:
            request = msgspec.json.encode({"inputs": sent, **options})
        except UnicodeEncodeError as error:
            raise DataError(f"text that is no Unicode ({error.reason})", "text") from None
        try:
            body = self._send("POST", "v1/tag", request)
        except ServiceError as error:
            if error.status != 413 or len(inputs) == 1:
                raise
            half = len(inputs) // 2  # the service takes less at a time
            return self._tag(inputs[:half], options) + self._tag(inputs[half:], options)
        return [_tagged(answer) for answer in msgspec.json.decode(body, type=TagResponses).answers]

    def _send(self, method: str, path: str, body: bytes | None = None) -> bytes:
        wait = 0.1
        for left in reversed(range(self._tries)):
            try:
                answer = self._http.request(method, path, content=body)
            except httpx.TransportError as error:
                failure = ServiceError(None, "unreachable", f"{self._http.base_url}: {error or type(error).__name__}")
                asked = None
            else:
                if answer.status_code == 200:
                    return answer.content
                failure, asked = _failure(answer), answer.headers.get("retry-after")
            if failure.status not in (None, 503) or not left:
                raise failure
            time.sleep(min(float(asked) if asked else wait * random.uniform(0.5, 1.5), _LONGEST_WAIT))
            wait *= 2
        raise ValueError(f"tries {self._tries}; expected at least 1")


def _failure(answer: httpx.Response) -> ServiceError:
    try:
        error = msgspec.json.decode(answer.content, type=ErrorResponse).error
    except msgspec.MsgspecError:  # from something that stands between
        return ServiceError(answer.status_code, "http", f"status {answer.status_code} from {answer.url}")
    return ServiceError(answer.status_code, error.code, error.message, error.request_id)


def _tagged(answer: TagResponse) -> Tagged:
    starts, at = [], 0
    for token in answer.tokens:  # they stand in the text one after another, with nothing but white space between
        starts.append(at := answer.text.index(token, at))
        at += len(token)
    ranked = None if isinstance(answer.alternatives, msgspec.UnsetType) else answer.alternatives
    return Tagged(
        answer.text,
        tuple(answer.tokens),
        tuple(answer.tags),
        tuple(map(_span, answer.spans)),
        tuple(starts),
        tuple(answer.sentences),
        _given(answer.token_probabilities),
        _given(answer.sentence_probabilities),
        None if ranked is None else tuple(tuple(map(_alternative, ones)) for ones in ranked),
    )


def _span(span: SentSpan) -> TaggedSpan:
    probability = None if isinstance(span.probability, msgspec.UnsetType) else span.probability
    return TaggedSpan(span.start, span.end, span.label, span.text, span.start_char, span.end_char, probability)


def _alternative(one: SentAlternative) -> Alternative:
    return Alternative(tuple(one.tags), tuple(map(_span, one.spans)), one.log_probability)


def _given(values: list[float] | msgspec.UnsetType) -> tuple[float, ...] | None:
    return None if isinstance(values, msgspec.UnsetType) else tuple(values)
