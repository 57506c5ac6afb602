"""How fast tagsmith is, beside its rivals: every figure after a check that the answer is right. See docs/performance.md."""
