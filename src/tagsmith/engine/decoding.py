"""From scores to tags and marginals, the same for every engine and every head."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tagsmith.batching import Ids, Steps
from tagsmith.config import Config
from tagsmith.kernels import reference
from tagsmith.kernels.reference import Chain, Floats
from tagsmith.schemes import allowed_steps


class Decoder:
    """Reads answers off a chain. Under ``decode.constraints=scheme``, every step the scheme forbids is at -inf.

    In float64: over many thousand tokens the rounding of float32 would pick another path.
    """

    def __init__(self, config: Config, tags: Sequence[str]) -> None:
        scheme = config.scheme if config.decode.constraints == "scheme" else "plain"  # where every step is allowed
        self.start, self.step, self.end = allowed_steps(scheme, tags)

    def viterbi(self, chain: Chain, steps: Steps) -> Ids:
        """Tag ids of each sentence's best path. Shape: [N], in the order of the batch."""
        path = np.empty(len(chain.emissions), np.int64)
        path[steps.order[0]] = reference.viterbi(*self._allowed(chain, steps), steps.counts)
        return path

    def marginals(self, chain: Chain, steps: Steps) -> Floats:
        """Probability of every tag at every word, over the paths ``viterbi`` chooses from.

        Shape: [N, K], float64, in the order of the batch.
        """
        marginals = np.empty(chain.emissions.shape, np.float64)
        alphas, betas = reference.forward_backward(*self._allowed(chain, steps), steps.counts)
        marginals[steps.order[0]] = reference.softmax(alphas + betas)
        return marginals

    def _allowed(self, chain: Chain, steps: Steps) -> Chain:
        """The chain with what is forbidden at -inf, words in order of time."""
        order = steps.order[0]
        transitions = chain.transitions if chain.transitions.ndim == 2 else chain.transitions[order]
        return Chain(
            chain.emissions[order].astype(np.float64),
            np.where(self.step, transitions, -np.inf),
            np.where(self.start, chain.start_transitions, -np.inf),
            np.where(self.end, chain.end_transitions, -np.inf),
        )
