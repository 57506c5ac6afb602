from __future__ import annotations

from tests.support.running import Running


def test_the_docs_page_lists_routes_and_parameters(service: Running):
    answer = service.get("docs")
    assert answer.status_code == 200
    for route in ("/v1/tag", "/v1/lines", "/v1/models", "/healthz", "/readyz", "/metrics"):
        assert route in answer.text
    assert "<code>min_confidence</code> in the query" in answer.text
    assert "<code>name</code> in the path" in answer.text
