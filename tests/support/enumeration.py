"""Tiny chains, and all of their paths written out one by one: what every kernel of the chain is compared with."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from tagsmith.ops.chain.types import Allowed, Chain

Array = NDArray[Any]
Path = tuple[int, ...]


@dataclass(frozen=True)
class TinyChain:
    """The scores of a batch of short sentences with few tags; ``transitions`` are [K, K], or [N, K, K] word by word."""

    lengths: list[int]
    emissions: Array
    transitions: Array
    start: Array
    end: Array

    @property
    def scores(self) -> tuple[Array, Array, Array, Array]:
        """Emissions, transitions, start and end."""
        return self.emissions, self.transitions, self.start, self.end

    def inputs(self, dtype: Any = np.float64) -> tuple[Chain, Allowed, NDArray[np.int64]]:
        """What the kernels take, with every step allowed."""
        chain = Chain(*(scores.astype(dtype) for scores in self.scores))
        return chain, Allowed.all(self.emissions.shape[1]), np.array(self.lengths)

    @property
    def ranges(self) -> list[range]:
        """The words of each sentence."""
        ends = np.cumsum(self.lengths).tolist()
        return [range(end - length, end) for length, end in zip(self.lengths, ends, strict=True)]

    def by_sentence(self, ids: Array) -> list[Path]:
        """The ids of all words, cut into sentences."""
        return [tuple(ids[list(words)].tolist()) for words in self.ranges]

    def path_score(self, words: range, path: Path) -> float:
        """The score of one path of one sentence, added up step by step."""
        score = (
            self.start[path[0]]
            + self.end[path[-1]]
            + sum(self.emissions[w, k] for w, k in zip(words, path, strict=True))
        )
        for word, (a, b) in zip(words[1:], itertools.pairwise(path), strict=True):
            score += self.transitions[word, a, b] if self.transitions.ndim == 3 else self.transitions[a, b]
        return float(score)

    def path_scores(self, words: range) -> dict[Path, float]:
        """All paths of one sentence with their scores."""
        paths = itertools.product(range(self.emissions.shape[1]), repeat=len(words))
        return {path: self.path_score(words, path) for path in paths}

    def log_partitions(self) -> list[float]:
        """The log of the sum of exp(score) over all paths, for each sentence."""
        return [_log_sum(self.path_scores(words).values()) for words in self.ranges]

    def probabilities(self, legal: Callable[[Path], bool] = lambda _: True) -> list[dict[Path, float]]:
        """The log-probabilities of each sentence's legal paths."""
        result = []
        for words in self.ranges:
            scores = {path: score for path, score in self.path_scores(words).items() if legal(path)}
            log_z = _log_sum(scores.values())
            result.append({path: score - log_z for path, score in scores.items()})
        return result

    def ranked(self, legal: Callable[[Path], bool] = lambda _: True) -> list[list[Path]]:
        """The paths of each sentence that are legal and possible, best first; of equal ones, that whose ids are lower,
        read from its end."""
        return [
            sorted((path for path in found if found[path] > -math.inf), key=lambda path: (-found[path], path[::-1]))
            for found in self.probabilities(legal)
        ]

    def over(self, temperature: float) -> TinyChain:
        """The chain with every score divided by a number."""
        return TinyChain(self.lengths, *(scores / temperature for scores in self.scores))

    def best(self, legal: Callable[[Path], bool] = lambda _: True) -> list[Path]:
        """Each sentence's path of highest score; of equal ones, that whose ids are lower, read from its end."""
        result = []
        for words in self.ranges:
            scores = {path: score for path, score in self.path_scores(words).items() if legal(path)}
            top = max(scores.values())
            result.append(min((path for path, score in scores.items() if score == top), key=lambda path: path[::-1]))
        return result

    def expectations(self, legal: Callable[[Path], bool] = lambda _: True) -> tuple[Array, Array, Array, Array]:
        """How often each score is used, in expectation over the paths: the log-partition's gradient.

        The first of the four are the marginals [N, K].
        """
        used: tuple[Array, ...] = tuple(np.zeros(scores.shape) for scores in self.scores)
        for words in self.ranges:
            scores = {path: score for path, score in self.path_scores(words).items() if legal(path)}
            log_z = _log_sum(scores.values())
            for path, score in scores.items():
                probability = math.exp(score - log_z)
                used[0][list(words), list(path)] += probability
                for word, (a, b) in zip(words[1:], itertools.pairwise(path), strict=True):
                    used[1][(word, a, b) if self.transitions.ndim == 3 else (a, b)] += probability
                used[2][path[0]] += probability
                used[3][path[-1]] += probability
        return used[0], used[1], used[2], used[3]


def tiny_chain(seed: int, lengths: list[int], tags: int = 3, scale: float = 2.0, per_word: bool = False) -> TinyChain:
    """A chain of normally distributed scores. Where nothing may be read, it holds NaN."""
    rng = np.random.default_rng(seed)
    words = sum(lengths)
    shapes = (words, tags), (words, tags, tags) if per_word else (tags, tags), (tags,), (tags,)
    emissions, transitions, start, end = (scale * rng.normal(size=shape) for shape in shapes)
    if per_word:
        transitions[np.cumsum([0, *lengths[:-1]])] = np.nan  # nothing comes to a first word
    return TinyChain(lengths, emissions, transitions, start, end)


def forbid(chain: TinyChain, seed: int) -> TinyChain:
    """The chain with half of its steps at -inf; one path is always allowed: 0, 0, 0, ..."""
    rng = np.random.default_rng(seed)
    steps = [np.where(rng.random(s.shape) < 0.5, -np.inf, s) for s in (chain.transitions, chain.start, chain.end)]
    for scores in steps:
        scores[..., *[0] * min(scores.ndim, 2)] = 0.0
    return TinyChain(chain.lengths, chain.emissions, *steps)


def whole_numbers(chain: TinyChain, seed: int) -> TinyChain:
    """A chain like this one of small whole numbers, which add up exactly and are often equal."""
    rng = np.random.default_rng(seed)
    return TinyChain(chain.lengths, *(rng.integers(-1, 2, s.shape).astype(float) for s in chain.scores))


def _log_sum(values: Any) -> float:
    top = max(values)
    return top + math.log(math.fsum(math.exp(value - top) for value in values))


tiny_chains = st.builds(
    tiny_chain,
    seed=st.integers(0, 2**32 - 1),
    lengths=st.lists(st.integers(1, 4), min_size=1, max_size=4),
    tags=st.integers(1, 4),
    scale=st.sampled_from([0.0, 1.0, 50.0]),
    per_word=st.booleans(),
)
