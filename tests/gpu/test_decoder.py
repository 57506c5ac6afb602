"""Best paths on a device, compared with those of the plain engine."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tagsmith.engine.decoding import allowed_by
from tagsmith.engine.plain import NumpyEngine
from tagsmith.ops.chain.types import Allowed
from tests.support.device_models import SENTENCES, TAGS, corpus_of, make_model, stacked

pytest.importorskip("triton", reason="there is no Triton for this system")
from tagsmith.gpu.decoder import ConstraintScores, best_paths
from tagsmith.gpu.network import StackedChains


@pytest.mark.parametrize("constraints", ["scheme", "none"])
def test_paths_of_all_networks_are_those_of_the_plain_engine(constraints: str, device: str) -> None:
    models = [make_model(seed, {"scheme": "IOB2", "decode.constraints": constraints}) for seed in (0, 1)]
    allowed = allowed_by(models[0].config, TAGS)
    found = best_paths(stacked(models, device), models[0].config, corpus_of(models[0], device), allowed)
    for model, paths in zip(models, found, strict=True):
        engine = NumpyEngine(model)
        batch = engine.read(SENTENCES)
        assert paths.tolist() == engine.decoder.viterbi(engine.chain(batch), batch.lengths).tolist()


def test_forbidden_steps_score_minus_infinity_and_allowed_ones_what_they_did(device: str) -> None:
    step = np.array([[True, False], [True, True]])
    allowed = Allowed(np.array([True, False]), step, np.array([True, True]))
    scores = StackedChains(*(torch.ones(1, *shape, device=device) for shape in ((3, 2), (2, 2), (2,), (2,))))
    found = ConstraintScores.from_allowed(allowed, torch.device(device)).constrain(scores)
    assert found.transitions.tolist() == [[[1, -np.inf], [1, 1]]]
    assert found.start.tolist() == [[1, -np.inf]]
    assert (found.end == 1).all()
    assert {part.dtype for part in found} == {torch.float64}
