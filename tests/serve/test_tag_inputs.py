from __future__ import annotations

from tagsmith.rules import Rule, Rules
from tagsmith.serve import micro_batches
from tagsmith.serve.tag_inputs import TagInput
from tests.support.running import Running


def test_many_rules_cost_so_much_that_little_text_is_tagged_in_a_thread(service: Running):
    rules = Rules([Rule(tokens=("a",), label="PER", bonus=0.1)] * 1000)
    assert TagInput("a").cost() < micro_batches._INLINE_COST
    assert TagInput("a", rules=rules).cost() > micro_batches._INLINE_COST
    body = {"inputs": ["a"] * 50, "rules": [{"tokens": ["a"], "label": "PER", "bonus": 0.1}] * 1000}
    assert service.post(body).status_code == 200
