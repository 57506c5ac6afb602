from __future__ import annotations

from tagsmith.serve.service_metrics import ServiceMetrics
from tests.support.running import Running


def test_metrics_count_what_happened(service: Running):
    def count(name: str) -> float:
        lines = service.get("metrics").text.splitlines()
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(name))

    texts, tokens = (f'tagsmith_{what}_total{{model="ner"}}' for what in ("texts", "tokens"))
    refused = 'tagsmith_requests_total{route="/v1/tag",status="422"}'
    before = [count(name) for name in (texts, tokens, refused)]
    service.post({"inputs": ["Jay left.", "India"]})
    service.post({})
    assert [count(name) for name in (texts, tokens, refused)] == [before[0] + 2, before[1] + 4, before[2] + 1]
    assert count("tagsmith_requests_in_progress") == 0
    assert count("process_resident_memory_bytes") > 0


def test_gauges_are_read_when_the_page_is_made():
    waiting = [3.0]
    metrics = ServiceMetrics(lambda: waiting[0], lambda: 2.0)
    metrics.count_load("ner", "failed")
    assert b"tagsmith_requests_waiting 3.0" in metrics.page()
    waiting[0] = 4.0
    page = metrics.page()
    for line in (
        b"tagsmith_requests_waiting 4.0",
        b"tagsmith_requests_in_progress 2.0",
        b'tagsmith_model_loads_total{model="ner",outcome="failed"} 1.0',
    ):
        assert line in page
