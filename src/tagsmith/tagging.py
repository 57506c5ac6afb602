"""Tag inputs: read windows ahead, cut them into batches, and decode these on several threads.

The calling thread looks up strings and assembles results while others decode. A compiled engine lets them run in
parallel. Results come in input order and do not depend on the threads.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import accumulate, pairwise, repeat
from typing import Any, NamedTuple

import numpy as np

from tagsmith.batching import cut
from tagsmith.engine import Engine
from tagsmith.engine.decoding import Decoded, DecodeOptions
from tagsmith.errors import ConfigError, DataError
from tagsmith.ops.chain.types import Posteriors
from tagsmith.rule_compiler import RuleCompiler
from tagsmith.rules import InputWithRules, RuleMatch, Rules
from tagsmith.schemes import SCHEMES, read_spans
from tagsmith.segment import segment
from tagsmith.tensors import Floats, Ids
from tagsmith.text import Alternative, Sentence, Tagged, TaggedSpan, TokenizerName, spaced

One = str | Sentence | InputWithRules
"""One input. A list of strings is several inputs."""
Given = One | Sequence[str]
_WINDOW = 16_384  # tokens read ahead, so that sentences of like length can share a batch
_BATCH = 4_096  # words in a batch, counted as if padded


def threads_for(options: int | None) -> int:
    """Return the number of threads to use. Unset, it is the number of cores, up to what one thread can feed.

    Raises:
        ConfigError: fewer than 1.
    """
    if options is not None:
        if options < 1:
            raise ConfigError(f"threads {options}: expected a whole number from 1")
        return options
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(cores, 8)


def tag_all(
    inputs: Iterable[Given],
    engine: Engine,
    tags: Sequence[str],
    tokenizer: TokenizerName,
    scheme: str | None,
    threads: int,
    options: DecodeOptions,
    compiler: RuleCompiler,
    rules: Rules | None = None,
) -> Iterator[tuple[Tagged, Floats]]:
    """Yield the tagged inputs lazily and in order. At most two windows are in memory.

    Args:
        tags: the names of the engine's tag ids.
        scheme: the scheme of the results' tags; None for plain tags.
        options: further results. The marginals come beside each result: [N, K], or [0, K] if not requested.
        compiler: compiles rules for the model.
        rules: rules for all inputs. An input may bring more.

    Raises:
        DataError: an empty token, or rules that contradict each other or do not fit an input or the model.
    """
    with _Workers(threads) as workers:
        started: deque[_Window] = deque()
        for window in _windows(inputs, tokenizer):
            started.append(_Window(window, engine, workers, options, compiler, rules))
            if len(started) > 1 or threads == 1:
                yield from started.popleft().results(tags, scheme)
        for window in started:
            yield from window.results(tags, scheme)


def tag_sentences(sentences: Sequence[Sequence[str]], engine: Engine, tags: Sequence[str]) -> list[list[str]]:
    """Return the tags of non-empty sentences. Sentences of similar length share a batch."""
    decodings = _decodings(sentences, engine, _Workers(1), DecodeOptions())
    return [found.tags for found in _collect(decodings, sentences, tags)]


def _windows(inputs: Iterable[Given], tokenizer: TokenizerName) -> Iterator[list[_Input]]:
    window: list[_Input] = []
    tokens = 0
    for given in inputs:
        window.append(_Input(given, tokenizer))
        tokens += 1 + len(window[-1].tokens)
        if tokens >= _WINDOW:
            yield window
            window, tokens = [], 0
    yield window


Decoding = tuple[list[int], Callable[[], Decoded]]
"""The indices of a batch's sentences, and a function that returns the decoded batch."""


class _Workers:
    """Threads that decode batches. With a single thread, batches are decoded on demand. The same holds in a forked
    process, which has no threads of its parent."""

    def __init__(self, threads: int) -> None:
        self._pool = ThreadPoolExecutor(threads) if threads > 1 else None
        self._process = os.getpid()

    def start(self, decode: Callable[[Any], Decoded], batch: Any) -> Callable[[], Decoded]:
        """Start decoding a batch; return a function that waits for the result."""
        if not self._pool or self._is_forked():
            return partial(decode, batch)
        future = self._pool.submit(decode, batch)
        return lambda: decode(batch) if self._is_forked() else future.result()

    def __enter__(self) -> _Workers:
        return self

    def __exit__(self, *_: object) -> None:
        if self._pool and not self._is_forked():
            self._pool.shutdown(cancel_futures=True)

    def _is_forked(self) -> bool:
        return os.getpid() != self._process


def _decodings(
    sentences: Sequence[Sequence[str]],
    engine: Engine,
    workers: _Workers,
    options: DecodeOptions,
    compiler: RuleCompiler | None = None,
    matches: Sequence[Sequence[RuleMatch]] = (),
) -> Iterator[Decoding]:
    """Yield the decodings of all batches. ``matches`` has the rule matches of each sentence, or is empty."""

    def decode(places: list[int], batch: Any) -> Decoded:
        chain = engine.chain(batch)
        if compiler and matches and any(matches[i] for i in places):
            chosen = [matches[i] for i in places], [sentences[i] for i in places]
            chain = compiler.apply(*chosen, chain, engine.decoder)
        return engine.decoder.answer(chain, batch.lengths, options)

    for places in cut([len(sentence) for sentence in sentences], _BATCH):
        yield places, workers.start(partial(decode, places), engine.read([sentences[i] for i in places]))


class _DecodedSentence(NamedTuple):
    """The decoded sentence. Results that were not requested are empty or None."""

    tags: list[str]
    tokens: Sequence[float] = ()
    """Probabilities."""
    spans: Sequence[float] = ()
    """Probabilities."""
    sentence: Sequence[float] = ()
    """The probability of the whole tag sequence."""
    best: Sequence[tuple[list[str], float]] = ()
    """Tags and their log-probability."""
    marginals: Floats | None = None


def _collect(
    decodings: Iterable[Decoding], sentences: Sequence[Sequence[str]], tags: Sequence[str]
) -> list[_DecodedSentence]:
    result: list[_DecodedSentence] = [_DecodedSentence([])] * len(sentences)
    for places, decode in decodings:
        for place, found in zip(places, _by_sentence(decode(), [len(sentences[i]) for i in places], tags), strict=True):
            result[place] = found
    return result


def _by_sentence(answer: Decoded, lengths: list[int], tags: Sequence[str]) -> Iterator[_DecodedSentence]:
    """Yield the answer for a batch, sentence by sentence. Arrays become lists as wholes, which costs least."""
    ids: list[int] = answer.path.tolist()
    path = [tags[k] for k in ids]
    ranges = list(pairwise(accumulate(lengths, initial=0)))
    posteriors = _cut(answer.posteriors, ranges) if answer.posteriors else repeat(((), (), ()))
    best = [_named(*found, tags) for found in answer.best] if answer.best else repeat(())
    for (start, end), probabilities, others in zip(ranges, posteriors, best, strict=False):
        marginals = None if answer.marginals is None else answer.marginals[start:end]
        yield _DecodedSentence(path[start:end], *probabilities, others, marginals)


def _cut(found: Posteriors, ranges: list[tuple[int, int]]) -> Iterator[tuple[list[float], list[float], list[float]]]:
    tokens, spans, sentences = found.tokens.tolist(), found.spans.tolist(), np.exp(found.sentences).tolist()
    borders = pairwise(np.searchsorted(found.places.sentence, np.arange(len(ranges) + 1)).tolist())
    for (start, end), (first, after), probability in zip(ranges, borders, sentences, strict=True):
        yield tokens[start:end], spans[first:after], [probability]


def _named(paths: Ids, log_probabilities: Floats, tags: Sequence[str]) -> list[tuple[list[str], float]]:
    rows: list[list[int]] = paths.tolist()
    return [([tags[k] for k in path], p) for path, p in zip(rows, log_probabilities.tolist(), strict=True)]


class _Window:
    """A window of inputs whose batches are being decoded."""

    def __init__(
        self,
        inputs: list[_Input],
        engine: Engine,
        workers: _Workers,
        options: DecodeOptions,
        compiler: RuleCompiler,
        rules: Rules | None,
    ) -> None:
        self._inputs, self._options = inputs, options
        self._sentences = [given.tokens[start:end] for given in inputs for start, end in given.sentences]
        matches: list[list[RuleMatch]] = []
        if rules or any(given.rules for given in inputs):
            matches = [found for given in inputs for found in given.matches(rules, compiler)]
        self._decodings = list(_decodings(self._sentences, engine, workers, options, compiler, matches))

    def results(self, tags: Sequence[str], scheme: str | None) -> Iterator[tuple[Tagged, Floats]]:
        none = np.empty((0, len(tags)))
        rows = iter(_collect(self._decodings, self._sentences, tags))
        for given in self._inputs:
            found = [next(rows) for _ in given.sentences]
            marginals = [one.marginals for one in found if one.marginals is not None]
            yield given.result(found, scheme, self._options), np.concatenate([none, *marginals]) if marginals else none


class _Input:
    """One prepared input: its text, tokens with offsets, and sentences as ranges of tokens."""

    def __init__(self, given: Given, tokenizer: TokenizerName) -> None:
        self.rules: Rules | None = None
        if isinstance(given, InputWithRules):
            given, self.rules = given.given, given.rules
        self.sentences: list[tuple[int, int]] = []
        if isinstance(given, str):
            self.text = given
            offsets: list[tuple[int, int]] = []
            for sentence in segment(given, tokenizer):
                self.sentences.append((len(offsets), len(offsets) + len(sentence)))
                offsets += sentence
            self.tokens = tuple(given[start:end] for start, end in offsets)
            self.starts = [start for start, _ in offsets]
            return
        if not isinstance(given, Sentence | list | tuple):
            raise TypeError(f"expected a string, a Sentence or a list of tokens, found {type(given).__name__}")
        self.tokens = given.tokens if isinstance(given, Sentence) else tuple(given)
        for kind in set(map(type, self.tokens)):
            if not issubclass(kind, str):
                raise TypeError(f"a token must be a string, found {kind.__name__}")
        if "" in self.tokens:
            raise DataError("an empty token", "tokens of at least one character")
        self.text, self.starts = spaced(self.tokens)
        if self.tokens:
            self.sentences.append((0, len(self.tokens)))

    def matches(self, rules: Rules | None, compiler: RuleCompiler) -> list[list[RuleMatch]]:
        """Return the matches in each sentence of the rules for all inputs and of this input's rules."""
        sentences = [self.tokens[start:end] for start, end in self.sentences]
        found = [rules.matches(sentence) if rules else [] for sentence in sentences]
        if self.rules:
            compiler.check(self.rules)
            ends = [start + len(token) for start, token in zip(self.starts, self.tokens, strict=True)]
            placed = self.rules.placed(self.starts, ends, self.sentences)
            for matches, sentence, own in zip(found, sentences, placed, strict=True):
                matches += self.rules.matches(sentence) + own
        return found

    def result(self, found: list[_DecodedSentence], scheme: str | None, options: DecodeOptions) -> Tagged:
        tags: list[str] = []
        spans: list[TaggedSpan] = []
        for (start, _), one in zip(self.sentences, found, strict=True):
            written, spelled = self._written(one.tags, start, scheme, one.spans)
            tags += written
            spans += spelled
        return Tagged(
            text=self.text,
            tokens=self.tokens,
            tags=tuple(tags),
            spans=tuple(spans),
            starts=tuple(self.starts),
            sentences=tuple(self.sentences),
            token_probabilities=tuple(p for one in found for p in one.tokens) if options.probabilities else None,
            sentence_probabilities=tuple(p for one in found for p in one.sentence) if options.probabilities else None,
            alternatives=None if options.best is None else self._alternatives(found, scheme),
        )

    def _alternatives(self, found: list[_DecodedSentence], scheme: str | None) -> tuple[tuple[Alternative, ...], ...]:
        return tuple(
            tuple(self._alternative(*other, start, scheme) for other in one.best)
            for (start, _), one in zip(self.sentences, found, strict=True)
        )

    def _alternative(self, tags: list[str], log_probability: float, start: int, scheme: str | None) -> Alternative:
        written, spans = self._written(tags, start, scheme)
        return Alternative(tuple(written), tuple(spans), log_probability)

    def _written(
        self, tags: list[str], start: int, scheme: str | None, probabilities: Sequence[float] = ()
    ) -> tuple[list[str], list[TaggedSpan]]:
        """Return the tags of the sentence that starts here in the scheme, and its spans."""
        if scheme is None:
            return tags, []
        found = read_spans(tags)
        spans = []
        for span, probability in zip(found, probabilities or repeat(None), strict=False):
            first, last = start + span.start, start + span.end
            a, b = self.starts[first], self.starts[last - 1] + len(self.tokens[last - 1])
            spans.append(TaggedSpan(first, last, span.label, self.text[a:b], a, b, probability))
        return SCHEMES[scheme].write(found, len(tags)), spans
