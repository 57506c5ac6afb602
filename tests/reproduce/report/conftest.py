"""A folder of records made by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from tagsmith.reproduce.results import Results
from tests.support.handmade_records import fill


@pytest.fixture
def results(tmp_path: Path) -> Results:
    """Two seeds of the model, a softmax with one seed, a model without counts, another task, and rivals."""
    results = Results(tmp_path / "results")
    fill(results)
    return results
