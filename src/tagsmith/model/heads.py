"""The heads: from encoded words to a chain of scores, and from a chain and the right tags to a loss.

Decoding and marginals need no head of their own: they read any chain (see ``engine.decoding``). All scores are
float32, whatever autocast says.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tagsmith.batching import Steps
from tagsmith.ops.chain.on_torch import TorchChain, nll
from tagsmith.tensors import Ids


class Head(nn.Module, ABC):
    """The interface of every head."""

    def __init__(self, weight: nn.Parameter, bias: nn.Parameter) -> None:
        super().__init__()
        self.weight, self.bias = weight, bias

    @abstractmethod
    def forward(self, encoded: Tensor, steps: Steps) -> TorchChain:
        """The chain of encoded words. Shape: [N, D], in the order of the batch."""

    def nll(self, chain: TorchChain, tags: Tensor, lengths: Ids) -> Tensor:
        """Mean over the sentences of the negative log-likelihood of their tags, over all tag sequences.

        Shape: tags [N], in the order of the batch, lengths [B] -> [].
        """
        with torch.autocast(tags.device.type, enabled=False):
            return nll(chain, tags, lengths) / len(lengths)

    def scores(self, encoded: Tensor) -> Tensor:
        """A score for each row of the weight. Shape: [N, D] -> [N, rows]."""
        with torch.autocast(encoded.device.type, enabled=False):
            return F.linear(encoded.to(self.weight.dtype), self.weight, self.bias)


class SharedCRF(Head):
    """A linear chain with one transition matrix for all words.

    Source: Lample et al. 2016, §2.2.
    """

    def __init__(
        self,
        weight: nn.Parameter,
        bias: nn.Parameter,
        transitions: nn.Parameter,
        start_transitions: nn.Parameter,
        end_transitions: nn.Parameter,
    ) -> None:
        super().__init__(weight, bias)
        self.transitions = transitions
        self.start_transitions, self.end_transitions = start_transitions, end_transitions

    def forward(self, encoded: Tensor, steps: Steps) -> TorchChain:
        """Emissions from each word, all else the same for all words."""
        return TorchChain(self.scores(encoded), self.transitions, self.start_transitions, self.end_transitions)


class BigramCRF(Head):
    """A linear chain with a weight vector and a bias for each pair of tags: what a step scores depends on the word.

    The weight's rows are the pairs, by the tag before and then the tag, and after them each tag at the start.
    Source: Ma and Hovy 2016, §2.3.
    """

    def __init__(self, weight: nn.Parameter, bias: nn.Parameter, end_transitions: nn.Parameter) -> None:
        super().__init__(weight, bias)
        self.end_transitions = end_transitions

    def forward(self, encoded: Tensor, steps: Steps) -> TorchChain:
        """Transitions from each word; the scores at the start are the emissions of first words, of others 0."""
        tags = len(self.end_transitions)
        after, at_start = self.scores(encoded).split([tags * tags, tags], 1)
        first = torch.from_numpy(steps.order[0, : steps.counts[0]]).to(encoded.device)
        emissions = torch.zeros_like(at_start).index_copy(0, first, at_start[first])
        nothing = torch.zeros_like(self.end_transitions)
        return TorchChain(emissions, after.unflatten(1, (tags, tags)), nothing, self.end_transitions)


class SoftmaxHead(Head):
    """Every word's tag on its own: a chain whose transitions are all 0."""

    def forward(self, encoded: Tensor, steps: Steps) -> TorchChain:
        """Emissions from each word, and 0 for all else."""
        scores = self.scores(encoded)
        tags = scores.shape[1]
        return TorchChain(scores, *(scores.new_zeros(shape) for shape in ((tags, tags), tags, tags)))

    def nll(self, chain: TorchChain, tags: Tensor, lengths: Ids) -> Tensor:
        """Mean over the sentences of the sum of their tokens' cross-entropies: what the chain's nll comes to."""
        return F.cross_entropy(chain.emissions, tags, reduction="sum") / len(lengths)
