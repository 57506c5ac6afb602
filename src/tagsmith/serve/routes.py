"""The routes of the service. A route is one row here: its key, limits, metrics and OpenAPI entry follow from it."""

from __future__ import annotations

from tagsmith.serve import handlers
from tagsmith.serve.messages import JsonLines, ModelInfo, ServiceStatus, TagOptions, TagRequest, TagResponses
from tagsmith.serve.service import Content, Route

_LINES = Content(JsonLines, "application/x-ndjson")
_TAGGING_REFUSALS = (400, 403, 404, 408, 413, 415, 422, 503)

ROUTES = (
    Route(
        "POST",
        "/v1/tag",
        handlers.tag,
        "Tag a text, the tokens of a sentence, or several of either.",
        needs_key=True,
        is_tagging=True,
        body=Content(TagRequest, example={"text": "Jay is from India.", "probabilities": True}),
        response=Content(TagResponses),
        refusals=_TAGGING_REFUSALS,
    ),
    Route(
        "POST",
        "/v1/lines",
        handlers.tag_lines,
        "Tag any number of JSON lines, each answered by a line while more arrive.",
        needs_key=True,
        is_tagging=True,
        query=TagOptions,
        body=_LINES,
        response=_LINES,
        refusals=_TAGGING_REFUSALS,
    ),
    Route(
        "GET",
        "/v1/models",
        handlers.list_models,
        "List the models; the first is the default.",
        needs_key=True,
        response=Content(list[ModelInfo]),
    ),
    Route(
        "POST",
        "/v1/models/{name}/reload",
        handlers.reload_model,
        "Reload a model from its file. Only in a service with keys.",
        needs_key=True,
        response=Content(ModelInfo),
        refusals=(403, 404, 409),
    ),
    Route("GET", "/healthz", handlers.health, "Check that the process is alive.", response=Content(ServiceStatus)),
    Route(
        "GET",
        "/readyz",
        handlers.ready,
        "Check whether to send requests to this service.",
        response=Content(ServiceStatus),
        refusals=(503,),
    ),
    Route(
        "GET",
        "/metrics",
        handlers.metrics,
        "Metrics for Prometheus.",
        needs_key=True,
        response=Content(str, "text/plain"),
    ),
    Route("GET", "/openapi.json", handlers.openapi_document),
    Route("GET", "/docs", handlers.docs_page),
    Route("GET", "/", handlers.tagging_page),
)
