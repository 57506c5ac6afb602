from __future__ import annotations

import re
from pathlib import Path

from tagsmith.serve.routes import ROUTES

PAGE = Path(__file__).parents[2] / "docs" / "serve.md"


def test_no_two_rows_have_the_same_method_and_path():
    assert len({(route.method, route.path) for route in ROUTES}) == len(ROUTES)


def test_only_pages_and_health_checks_need_no_key():
    is_open = {route.path for route in ROUTES if not route.needs_key}
    assert is_open == {"/", "/docs", "/openapi.json", "/healthz", "/readyz"}


def test_routes_that_tag_count_against_the_limits():
    assert {route.path for route in ROUTES if route.is_tagging} == {"/v1/tag", "/v1/lines"}


def test_the_documentation_lists_every_route_and_no_other():
    listed = re.findall(r"`(GET|POST) (/\S*)`", PAGE.read_text("utf-8"))
    assert sorted(listed) == sorted((route.method, route.path) for route in ROUTES)
