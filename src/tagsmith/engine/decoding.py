"""From scores to answers, the same for every engine and every head: tags, probabilities, the k best."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

import numpy as np

from tagsmith.config import Config
from tagsmith.ops.chain import reference
from tagsmith.ops.chain.types import Allowed, Chain, Posteriors, SpanReading
from tagsmith.schemes import SCHEMES, allowed_steps, read_spans, reading_rule
from tagsmith.tensors import Floats, Ids


class ChainScores(Protocol):
    """The scores of a chain, on the host (a ``Chain``) or on a device: unpacked, they are the arrays of a ``Chain``."""

    @property
    def emissions(self) -> Floats:
        """Shape: [N, K]."""
        ...

    @property
    def transitions(self) -> Floats:
        """Shape: [K, K] or [N, K, K]."""
        ...

    @property
    def start_transitions(self) -> Floats:
        """Shape: [K]."""
        ...

    @property
    def end_transitions(self) -> Floats:
        """Shape: [K]."""
        ...

    def __iter__(self) -> Iterator[Floats]: ...


class ChainKernels(Protocol):
    """The functions of a chain: ``ops.chain.reference`` or ``ops.chain.compiled``."""

    def viterbi(self, chain: Chain, allowed: Allowed, lengths: Ids) -> Ids:
        """Tag ids of each sentence's best allowed path. Shape: [N]."""
        ...

    def marginals(self, chain: Chain, allowed: Allowed, lengths: Ids) -> Floats:
        """Probability of every tag at every word, over the allowed paths. Shape: [N, K], float64."""
        ...

    def posteriors(self, chain: Chain, allowed: Allowed, reading: SpanReading, path: Ids, lengths: Ids) -> Posteriors:
        """Return the probabilities of paths, tags and spans over the allowed paths. Shape: path [N], lengths [B]."""
        ...


_ROUNDING = 1e-9  # a span that is certain may come out so much less probable


class DecodeOptions(NamedTuple):
    """The results to compute besides the tags."""

    probabilities: bool = False
    """Those of its tags, spans and sentences."""
    marginals: bool = False
    """Those of all tags."""
    best: int | None = None
    """So many best sequences."""
    min_confidence: float = 0.0
    """No span that is less probable than this; only with ``probabilities``."""


class Decoded(NamedTuple):
    """The answer for a batch; None for what was not wanted."""

    path: Ids
    """Tag ids. Shape: [N]."""
    posteriors: Posteriors | None
    """Of this path."""
    marginals: Floats | None
    """Shape: [N, K], float64."""
    best: list[tuple[Ids, Floats]] | None
    """Paths and their log-probabilities, for each sentence. Shape: [R, n], [R]."""


def allowed_by(config: Config, tags: Sequence[str]) -> Allowed:
    """The steps that ``decode.constraints`` leaves: those of legal sequences, or all."""
    scheme = config.scheme if config.decode.constraints == "scheme" else "plain"  # where every step is allowed
    return Allowed(*allowed_steps(scheme, tags))


class Decoder:
    """Reads answers off chains, by the kernels it is given; under ``decode.constraints=scheme``, only legal ones.

    All of them are over the same paths and, where probabilities are meant, with scores divided by ``temperature``.
    """

    def __init__(self, config: Config, tags: Sequence[str], kernels: ChainKernels) -> None:
        self.allowed, self.kernels = allowed_by(config, tags), kernels
        self.reading = SpanReading(*reading_rule(config.scheme, tags))
        self.temperature = config.decode.temperature
        self._scheme, self._tags = config.scheme, tags

    def answer(self, chain: ChainScores, lengths: Ids, wanted: DecodeOptions) -> Decoded:
        """All that is wanted. Shape: lengths [B]."""
        path = self.viterbi(chain, lengths)
        posteriors = self.posteriors(chain, path, lengths) if wanted.probabilities else None
        least = wanted.min_confidence - _ROUNDING
        if posteriors and (posteriors.spans < least).any():
            path = self._without(posteriors, least, path, lengths)
            posteriors = self.posteriors(chain, path, lengths)
        return Decoded(
            path,
            posteriors,
            self.marginals(chain, lengths) if wanted.marginals else None,
            None if wanted.best is None else self.best(chain, lengths, wanted.best),
        )

    def viterbi(self, chain: ChainScores, lengths: Ids) -> Ids:
        """Tag ids of each sentence's best path. Shape: lengths [B] -> [N]."""
        return self.kernels.viterbi(Chain(*chain), self.allowed, lengths)

    def marginals(self, chain: ChainScores, lengths: Ids) -> Floats:
        """Probability of every tag at every word, over the paths ``viterbi`` chooses from. Shape: [N, K], float64."""
        return self.kernels.marginals(self._tempered(chain), self.allowed, lengths)

    def posteriors(self, chain: ChainScores, path: Ids, lengths: Ids) -> Posteriors:
        """Return the probabilities of a path of each sentence, its tags and spans. Shape: path [N], lengths [B]."""
        return self.kernels.posteriors(self._tempered(chain), self.allowed, self.reading, path, lengths)

    def best(self, chain: ChainScores, lengths: Ids, k: int) -> list[tuple[Ids, Floats]]:
        """Each sentence's k most probable paths, as ``reference.k_best`` has them, and their log-probabilities."""
        found = reference.k_best(Chain(*chain), self.allowed, lengths, k)
        totals = reference.log_partition(self._tempered(chain), self.allowed, lengths)
        return [(path, score / self.temperature - total) for (path, score), total in zip(found, totals, strict=True)]

    def _tempered(self, chain: ChainScores) -> Chain:
        if self.temperature == 1.0:
            return Chain(*chain)
        return Chain(*(scores.astype(np.float64) / self.temperature for scores in chain))

    def _without(self, posteriors: Posteriors, least: float, path: Ids, lengths: Ids) -> Ids:
        """The path that the scheme writes for the spans that are probable enough; a sentence that loses none stays."""
        path, ends, places = path.copy(), np.cumsum(lengths), posteriors.places
        ids = {tag: k for k, tag in enumerate(self._tags)}
        for sentence in np.unique(places.sentence[posteriors.spans < least]):
            words = slice(ends[sentence] - lengths[sentence], ends[sentence])
            old: list[int] = path[words].tolist()
            spans = zip(
                read_spans([self._tags[k] for k in old]), posteriors.spans[places.sentence == sentence], strict=True
            )
            kept = [span for span, probability in spans if probability >= least]
            path[words] = [ids[tag] for tag in SCHEMES[self._scheme].write(kept, len(old))]
        return path
