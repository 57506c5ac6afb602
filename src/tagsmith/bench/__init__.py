"""How fast tagsmith is, beside its rivals: each figure after a check that the answer is right (docs/performance.md)."""
