from __future__ import annotations

import json
import re
from typing import Any

from tagsmith.serve import openapi
from tagsmith.serve.messages import TagOptions
from tagsmith.serve.routes import ROUTES

DOCUMENT: dict[str, Any] = json.loads(openapi.document(ROUTES))


def test_every_documented_route_is_an_operation_with_its_statuses():
    for route in ROUTES:
        if route.summary:
            operation = DOCUMENT["paths"][route.path][route.method.lower()]
            refusals = [*route.refusals, 401] if route.needs_key else route.refusals
            assert operation["responses"].keys() == {"200", *map(str, refusals)}
            assert ("requestBody" in operation) == (route.body is not None)
        else:
            assert route.path not in DOCUMENT["paths"]


def test_every_reference_leads_to_a_component():
    names = set(re.findall(r"#/components/schemas/(\w+)", json.dumps(DOCUMENT)))
    assert names == DOCUMENT["components"]["schemas"].keys()


def test_options_of_json_lines_are_in_the_query():
    parameters = DOCUMENT["paths"]["/v1/lines"]["post"]["parameters"]
    assert [one["name"] for one in parameters] == list(TagOptions.__struct_fields__)
    assert {one["in"] for one in parameters} == {"query"}


def test_a_request_has_exactly_one_kind_of_input():
    required = [one["required"] for one in DOCUMENT["components"]["schemas"]["TagRequest"]["oneOf"]]
    assert required == [["text"], ["tokens"], ["inputs"]]


def test_the_docs_page_lists_routes_and_parameters():
    html = openapi.page(ROUTES).html
    for route in ROUTES:
        assert (f"<code>{route.method} {route.path}</code>" in html) == bool(route.summary)
    assert "<td>Leave out less probable spans.</td>" in html
    assert "<code>name</code> in the path" in html
