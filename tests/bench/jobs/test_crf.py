"""The CRF alone, on a problem small enough to enumerate."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from tagsmith.bench.jobs.crf import prepare
from tagsmith.bench.runner import BenchTask

GIVEN = {
    "emissions": [[[0.5, -1.0], [0.2, 0.3], [1.0, 0.0]]],
    "tags": [[1, 0, 0]],
    "transitions": [[0.1, -0.4], [0.7, 0.0]],
    "start_transitions": [0.0, 0.6],
    "end_transitions": [-0.2, 0.3],
    "calls": 2,
}


def path_score(path: tuple[int, ...]) -> float:
    score = GIVEN["start_transitions"][path[0]] + GIVEN["end_transitions"][path[-1]]
    score += sum(GIVEN["emissions"][0][step][tag] for step, tag in enumerate(path))
    return score + sum(GIVEN["transitions"][a][b] for a, b in itertools.pairwise(path))


PATHS = list(itertools.product(range(2), repeat=3))


def test_the_loss_and_its_gradient_are_those_of_all_paths():
    output = prepare(BenchTask({**GIVEN, "what": "loss"}))()()
    total = sum(math.exp(path_score(path)) for path in PATHS)
    assert output["nll"] == pytest.approx(math.log(total) - path_score((1, 0, 0)), rel=1e-5)
    expected = np.zeros((3, 2))
    for path in PATHS:
        expected[range(3), path] += math.exp(path_score(path)) / total
    expected[range(3), (1, 0, 0)] -= 1
    assert output["gradients"][0] == pytest.approx(expected.flatten().tolist(), abs=1e-5)


def test_the_best_path_is_the_best_of_all():
    assert prepare(BenchTask({**GIVEN, "what": "viterbi"}))()() == [list(max(PATHS, key=path_score))]
