"""What an engine's chains come to: best paths and marginals."""

from __future__ import annotations

from typing import Any

from tagsmith.engine import Engine
from tagsmith.tensors import Floats, Ids


def best_path(engine: Engine[Any], batch: Any) -> Ids:
    """Tag ids of the best path of each sentence. Shape: [N]."""
    return engine.decoder.viterbi(engine.chain(batch), batch.lengths)


def marginals_of(engine: Engine[Any], batch: Any) -> Floats:
    """Probability of every tag at every word. Shape: [N, K], float64."""
    return engine.decoder.marginals(engine.chain(batch), batch.lengths)
