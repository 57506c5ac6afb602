"""The metrics of a service, for Prometheus: requests, latency, texts, tokens, batches and models."""

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
    """The metrics of one service, in their own registry."""

    def __init__(self, waiting: Callable[[], float], in_progress: Callable[[], float]) -> None:
        self._registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        self.requests = Counter("tagsmith_requests", "Requests answered.", ["route", "status"], registry=registry)
        self.seconds = Histogram(
            "tagsmith_request_seconds", "Seconds to answer a request.", ["route"], buckets=_SECONDS, registry=registry
        )
        self.texts = Counter("tagsmith_texts", "Texts tagged.", ["model"], registry=registry)
        self.tokens = Counter("tagsmith_tokens", "Tokens tagged.", ["model"], registry=registry)
        self.batch = Histogram("tagsmith_batch_texts", "Texts tagged in a batch.", buckets=_TEXTS, registry=registry)
        self.loads = Counter(
            "tagsmith_model_loads", "Models loaded, or failed to load.", ["model", "outcome"], registry=registry
        )
        waiting_gauge = Gauge("tagsmith_requests_waiting", "Requests that wait to be tagged.", registry=registry)
        waiting_gauge.set_function(waiting)
        progress_gauge = Gauge(
            "tagsmith_requests_in_progress",
            "Tagging requests that are read, waiting, tagged or sent.",
            registry=registry,
        )
        progress_gauge.set_function(in_progress)

    def count_load(self, model: str, outcome: str) -> None:
        """Count that a model was ``loaded``, or that loading it ``failed``."""
        self.loads.labels(model, outcome).inc()

    def page(self) -> bytes:
        """Return all metrics in the text format of Prometheus."""
        return generate_latest(self._registry)
