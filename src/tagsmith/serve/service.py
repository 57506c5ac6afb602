"""A service: its models, batches, metrics, log, limits and keys; and the rows that its routes are made of."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response

from tagsmith.errors import TagsmithError
from tagsmith.serve.keys import ApiKeys
from tagsmith.serve.limits import Limits, LoadCounter
from tagsmith.serve.logs import ServiceLog
from tagsmith.serve.micro_batches import MicroBatches
from tagsmith.serve.model_pool import ModelPool
from tagsmith.serve.refusals import RequestRefused
from tagsmith.serve.service_metrics import ServiceMetrics
from tagsmith.serve.tag_inputs import TagInput
from tagsmith.tagger import Tagger


@dataclass(frozen=True)
class Content:
    """The content of a body, for its description in OpenAPI."""

    type: Any
    """The type of its JSON, or of its text."""
    media_type: str = "application/json"
    example: Any = None


@dataclass(frozen=True, eq=False)
class Route:
    """One route of a service. Routing, keys, limits, metrics and OpenAPI are all made from such rows."""

    method: str
    path: str
    handler: Callable[[Service, Request], Awaitable[Response]]
    summary: str = ""
    """Its summary in OpenAPI. A route without one is left out there."""
    needs_key: bool = False
    is_tagging: bool = False
    """True if its body contains inputs to tag. Such requests count against the limits of ``LoadCounter``."""
    query: type[Struct] | None = None
    """The type whose fields are the parameters of its query."""
    body: Content | None = None
    response: Content | None = None
    refusals: tuple[int, ...] = ()
    """The statuses of its errors, apart from 401."""


@dataclass
class RequestFacts:
    """Facts about a request, for its log line and the metrics."""

    model: str | None = None
    texts: int | None = None
    tokens: int | None = None
    ended: str | None = None
    """The error code that ended the answers before all lines were read, for JSON lines."""


@dataclass
class Service:
    """The state of a service. It belongs to one event loop."""

    models: ModelPool
    batches: MicroBatches
    metrics: ServiceMetrics
    log: ServiceLog
    limits: Limits
    load: LoadCounter
    keys: ApiKeys
    routes: tuple[Route, ...]

    @classmethod
    def create(
        cls,
        files: Mapping[str, Path],
        routes: Sequence[Route],
        *,
        memory: int,
        threads: int = 1,
        precision: str = "auto",
        limits: Limits | None = None,
        keys: ApiKeys | None = None,
        log: ServiceLog | None = None,
    ) -> Service:
        """Return a service of model files by name, in the running event loop. It has loaded none of them yet."""
        limits, log = limits or Limits(), log or ServiceLog()
        load = LoadCounter(limits)
        metrics = ServiceMetrics(lambda: batches.waiting, lambda: load.requests)
        batches = MicroBatches(threads, metrics.batch.observe)
        models = ModelPool(files, memory, precision, log, metrics.count_load)
        return cls(models, batches, metrics, log, limits, load, keys or ApiKeys([]), tuple(routes))

    async def tagger(self, name: str | None) -> tuple[str, Tagger]:
        """Return the name and the tagger of a model, loading it if needed. None names the first model.

        Raises:
            RequestRefused: there is no such model, or it can't be loaded.
        """
        name = self.models.resolve(name)
        try:
            return name, await self.models.get(name)
        except TagsmithError:
            message = f"model {name!r} can't be loaded at the moment; see the log of the service"
            raise RequestRefused(503, "model_failed", message, {"Retry-After": "10"}) from None

    async def tag(
        self, facts: RequestFacts, tagger: Tagger, arguments: dict[str, Any], inputs: Sequence[TagInput]
    ) -> list[bytes]:
        """Return the answer to each input as JSON, and count its texts and tokens."""
        results = await self.batches.tag(tagger, arguments, inputs)
        tokens = sum(result.tokens for result in results)
        facts.texts, facts.tokens = (facts.texts or 0) + len(inputs), (facts.tokens or 0) + tokens
        self.metrics.texts.labels(facts.model).inc(len(inputs))
        self.metrics.tokens.labels(facts.model).inc(tokens)
        return [result.json for result in results]
