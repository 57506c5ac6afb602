"""From scores to tags and marginals, the same for every engine and every head."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from tagsmith.batching import Ids
from tagsmith.config import Config
from tagsmith.kernels.reference import Allowed, Chain, Floats
from tagsmith.schemes import allowed_steps


class Kernels(Protocol):
    """What reads a chain: ``kernels.reference``, or the compiled ``kernels.chain``."""

    def viterbi(self, chain: Chain, allowed: Allowed, lengths: Ids) -> Ids:
        """Tag ids of each sentence's best allowed path. Shape: [N]."""
        ...

    def marginals(self, chain: Chain, allowed: Allowed, lengths: Ids) -> Floats:
        """Probability of every tag at every word, over the allowed paths. Shape: [N, K], float64."""
        ...


class Decoder:
    """Reads answers off chains, by the kernels it is given; under ``decode.constraints=scheme``, only legal ones."""

    def __init__(self, config: Config, tags: Sequence[str], kernels: Kernels) -> None:
        scheme = config.scheme if config.decode.constraints == "scheme" else "plain"  # where every step is allowed
        self.allowed, self.kernels = Allowed(*allowed_steps(scheme, tags)), kernels

    def viterbi(self, chain: Chain, lengths: Ids) -> Ids:
        """Tag ids of each sentence's best path. Shape: lengths [B] -> [N]."""
        return self.kernels.viterbi(chain, self.allowed, lengths)

    def marginals(self, chain: Chain, lengths: Ids) -> Floats:
        """Probability of every tag at every word, over the paths ``viterbi`` chooses from. Shape: [N, K], float64."""
        return self.kernels.marginals(chain, self.allowed, lengths)
