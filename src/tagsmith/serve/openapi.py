"""The service's description for programs (OpenAPI 3.1), made of the types that read its requests, and for people."""

from __future__ import annotations

from functools import cache
from importlib.metadata import version
from importlib.resources import files
from typing import Any

import jinja2
import msgspec

from tagsmith.serve import messages
from tagsmith.serve.web_page import WebPage

_REFERENCE = "#/components/schemas/{name}"
_LINES = 'Objects with "text" or "tokens", one a line. Other keys come back with the answer.'
_TAGGING = ("400", "401", "403", "404", "408", "413", "415", "422", "503")
_REFUSALS = {
    "400": "The body is not what its type says.",
    "401": "A key is asked for.",
    "403": "The service has no keys, which reloading wants; or it is local, and another's page or name asks.",
    "404": "There is no such model.",
    "408": "It took too long.",
    "409": "The model's file can't be loaded.",
    "413": "A body, a text, their number, or that of rules is too large.",
    "415": "The body is encoded.",
    "422": "A field is not what it should be.",
    "503": "Too much is under way; Retry-After says when to come back.",
}


def _document() -> dict[str, Any]:
    types = (
        messages.TagRequest,
        messages.TagOptions,
        messages.TagResponses,
        messages.ModelInfo,
        messages.ErrorResponse,
    )
    (request, _, answers, model, _), schemas = msgspec.json.schema_components(types, ref_template=_REFERENCE)
    schemas["TagRequest"]["oneOf"] = [
        {"required": [name], "properties": {name: {"not": {"type": "null"}}}} for name in ("text", "tokens", "inputs")
    ]
    parameters = [
        {"name": name, "in": "query", "schema": schema} for name, schema in schemas["TagOptions"]["properties"].items()
    ]
    lines = {"application/x-ndjson": {"schema": {"type": "string", "description": _LINES}}}
    example = {"text": "Jay is from India.", "probabilities": True}
    return {
        "openapi": "3.1.0",
        "info": {"title": "tagsmith", "version": version("tagsmith"), "description": "Tags texts with trained models."},
        "security": [{}, {"key": []}],
        "paths": {
            "/v1/tag": {
                "post": _operation(
                    "Tag a text, the tokens of a sentence, or many of either.",
                    _json(answers),
                    _TAGGING,
                    requestBody=_body({"application/json": {"schema": request, "example": example}}),
                )
            },
            "/v1/lines": {
                "post": _operation(
                    "Tag JSON lines of any number, each answered by a line, as they come in.",
                    lines,
                    _TAGGING,
                    parameters=parameters,
                    requestBody=_body(lines),
                )
            },
            "/v1/models": {
                "get": _operation(
                    "The models there are; the first is for requests that name none.",
                    _json({"type": "array", "items": model}),
                    ("401",),
                )
            },
            "/v1/models/{name}/reload": {
                "post": _operation(
                    "Load a model's file anew. Only a service with keys does.",
                    _json(model),
                    ("401", "403", "404", "409"),
                    parameters=[{"name": "name", "in": "path", "required": True, "schema": {"type": "string"}}],
                )
            },
            "/healthz": {"get": _operation("Whether the process is alive.", _json(_STATUS))},
            "/readyz": {"get": _operation("Whether requests should be sent here.", _json(_STATUS), ("503",))},
            "/metrics": {
                "get": _operation("Figures for Prometheus.", {"text/plain": {"schema": {"type": "string"}}}, ("401",))
            },
        },
        "components": {
            "schemas": {name: schema for name, schema in schemas.items() if name != "TagOptions"},
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
        },
    }


_STATUS = {"type": "object", "properties": {"status": {"type": "string"}}, "required": ["status"]}


def _body(content: dict[str, Any]) -> dict[str, Any]:
    return {"required": True, "content": content}


def _json(schema: dict[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}


def _operation(summary: str, content: dict[str, Any], refusals: tuple[str, ...] = (), **more: Any) -> dict[str, Any]:
    failure = _json({"$ref": _REFERENCE.format(name="ErrorResponse")})
    failures = {status: {"description": _REFUSALS[status], "content": failure} for status in refusals}
    return {"summary": summary, **more, "responses": {"200": {"description": "Done.", "content": content}, **failures}}


@cache
def document() -> bytes:
    """The description, as JSON."""
    return msgspec.json.encode(_document())


@cache
def page() -> WebPage:
    """The description as a page."""
    template = (files("tagsmith.serve") / "docs.html.jinja").read_text("utf-8")
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["shown"] = _shown
    return WebPage.of(environment.from_string(template).render(document=_document()))


def _shown(schema: dict[str, Any]) -> str:
    """A schema in a few words."""
    if "$ref" in schema:
        return schema["$ref"].rpartition("/")[2]
    if "enum" in schema:
        return " | ".join(map(str, schema["enum"]))
    if "anyOf" in schema:
        return " | ".join(_shown(one) for one in schema["anyOf"])
    if schema.get("type") == "array":
        inside = schema["prefixItems"][0] if "prefixItems" in schema else schema.get("items", {})
        return f"[{_shown(inside)}]"
    return schema.get("type", "any")
