"""What Prometheus is told: requests, latency, tokens, batches, models."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.exposition import CONTENT_TYPE_LATEST

CONTENT_TYPE = CONTENT_TYPE_LATEST
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_TEXTS = (1, 2, 4, 8, 16, 32, 64, 128, 256)


class ServiceMetrics:
    """The figures of one service, in a registry of its own."""

    def __init__(self, waiting: Callable[[], float], under_way: Callable[[], float]) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        PlatformCollector(registry=self._registry)
        self.requests = Counter("tagsmith_requests", "Requests answered.", ["route", "status"], registry=self._registry)
        self.seconds = Histogram(
            "tagsmith_request_seconds", "Time to answer.", ["route"], buckets=_SECONDS, registry=self._registry
        )
        self.texts = Counter("tagsmith_texts", "Texts tagged.", ["model"], registry=self._registry)
        self.tokens = Counter("tagsmith_tokens", "Tokens tagged.", ["model"], registry=self._registry)
        self.batch = Histogram(
            "tagsmith_batch_texts", "Texts tagged together.", buckets=_TEXTS, registry=self._registry
        )
        self.loads = Counter(
            "tagsmith_model_loads", "Models loaded, or that failed to.", ["model", "outcome"], registry=self._registry
        )
        for name, what, read in (
            ("tagsmith_waiting", "Requests in the queue before the taggers.", waiting),
            ("tagsmith_under_way", "Requests being read, waiting, tagged or sent.", under_way),
        ):
            Gauge(name, what, registry=self._registry).set_function(read)

    def page(self) -> bytes:
        """All of them, as Prometheus reads them."""
        return generate_latest(self._registry)
