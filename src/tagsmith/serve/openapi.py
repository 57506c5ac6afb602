"""The description of the service, made from its routes: as OpenAPI 3.1 for programs, and as a web page for people."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from typing import Any

import jinja2
import msgspec

from tagsmith.serve.messages import ErrorResponse, TagRequest
from tagsmith.serve.service import Content, Route
from tagsmith.serve.web_page import WebPage

_REFERENCE = "#/components/schemas/{name}"
_REFUSALS = {
    400: "The body is malformed or incomplete.",
    401: "An API key is required.",
    403: "The service has no keys, which a reload requires; or it is local and another host's page or name asks.",
    404: "There is no such model.",
    408: "The request took too long.",
    409: "The model's file can't be loaded.",
    413: "The body or a text is too large, or there are too many texts or rules.",
    415: "The body is encoded.",
    422: "A field or an option is not valid.",
    503: "Too much is in progress; Retry-After says when to try again.",
}

Json = dict[str, Any]


@cache
def document(routes: tuple[Route, ...]) -> bytes:
    """Return the OpenAPI document, as JSON."""
    return msgspec.json.encode(_document(routes))


@cache
def page(routes: tuple[Route, ...]) -> WebPage:
    """Return the OpenAPI document as a web page."""
    template = (files("tagsmith.serve") / "pages" / "docs.html.jinja").read_text("utf-8")
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["type_name"] = _type_name
    environment.filters["meaning"] = _meaning
    return WebPage.of(environment.from_string(template).render(document=_document(routes)))


def _document(routes: Sequence[Route]) -> Json:
    schemas = _Schemas()
    paths: dict[str, Json] = {}
    for route in routes:
        if route.summary:
            paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, schemas)
    return {
        "openapi": "3.1.0",
        "info": {"title": "tagsmith", "version": version("tagsmith"), "description": "Tags texts with trained models."},
        "security": [{}, {"key": []}],
        "paths": paths,
        "components": {
            "schemas": dict(sorted(schemas.components.items())),
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
        },
    }


class _Schemas:
    """The JSON schemas of types, and of the named types within them."""

    def __init__(self) -> None:
        self.components: Json = {}

    def of(self, kind: Any) -> Json:
        """Return the schema of a type, and keep those of the named types within it as components."""
        (schema,), components = msgspec.json.schema_components([kind], ref_template=_REFERENCE)
        if TagRequest.__name__ in components:
            components[TagRequest.__name__]["oneOf"] = _EXACTLY_ONE
        self.components.update(components)
        return schema


_EXACTLY_ONE = [
    {"required": [name], "properties": {name: {"not": {"type": "null"}}}} for name in ("text", "tokens", "inputs")
]


def _operation(route: Route, schemas: _Schemas) -> Json:
    refusals = [401, *route.refusals] if route.needs_key else route.refusals
    error = _content(Content(ErrorResponse), schemas)
    responses: Json = {"200": {"description": "Done.", "content": _content(route.response, schemas)}}
    for status in sorted(refusals):
        responses[str(status)] = {"description": _REFUSALS[status], "content": error}
    operation: Json = {"summary": route.summary, "responses": responses}
    if parameters := _parameters(route):
        operation["parameters"] = parameters
    if route.body:
        operation["requestBody"] = {"required": True, "content": _content(route.body, schemas)}
    return operation


def _content(content: Content | None, schemas: _Schemas) -> Json:
    if content is None:
        return {}
    example = {} if content.example is None else {"example": content.example}
    return {content.media_type: {"schema": schemas.of(content.type), **example}}


def _parameters(route: Route) -> list[Json]:
    """Return the parameters in the path and in the query."""
    names = re.findall(r"{(\w+)}", route.path)
    in_path = [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names]
    if route.query is None:
        return in_path
    _, components = msgspec.json.schema_components([route.query], ref_template=_REFERENCE)
    fields: Json = components[route.query.__name__]["properties"]
    return [*in_path, *({"name": name, "in": "query", "schema": schema} for name, schema in fields.items())]


def _type_name(schema: Json) -> str:
    """Return a schema in a few words."""
    if "$ref" in schema:
        return schema["$ref"].rpartition("/")[2]
    if "enum" in schema:
        return " | ".join(map(str, schema["enum"]))
    if "anyOf" in schema:
        return " | ".join(_type_name(one) for one in schema["anyOf"])
    if schema.get("type") == "array":
        items = schema["prefixItems"][0] if "prefixItems" in schema else schema.get("items", {})
        return f"[{_type_name(items)}]"
    return schema.get("type", "any")


def _meaning(schema: Json) -> str:
    """Return the description of a schema, or of its first alternative that has one."""
    schemas = [schema, *schema.get("anyOf", [])]
    return next((one["description"] for one in schemas if "description" in one), "")
