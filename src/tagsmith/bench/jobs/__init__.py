"""Jobs that measure tagsmith, each run by ``tagsmith.bench.runner``."""
