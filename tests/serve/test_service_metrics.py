from __future__ import annotations

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
