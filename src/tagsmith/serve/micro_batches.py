"""Micro-batching: requests that arrive while the tagger is busy are tagged together. No request waits for another.

A sentence's answer is bitwise the same alone and in any batch, so sharing a batch changes no answer.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from tagsmith.serve.tag_inputs import TagInput
from tagsmith.tagger import Tagger
from tagsmith.text import Tagged

_BATCH_COST = 8_000  # characters that fill a batch
_INLINE_COST = 500  # characters that take less time to tag than to hand to a thread


class TagResult(NamedTuple):
    """The answer to one input."""

    json: bytes
    tokens: int


@dataclass
class _Job:
    """The inputs of one call of ``MicroBatches.tag``. They may be tagged in several batches, all by one tagger."""

    tagger: Tagger
    arguments: dict[str, Any]
    inputs: Sequence[TagInput]
    done: asyncio.Future[list[TagResult]]
    started: int = 0
    """The number of inputs that are in a batch already."""
    results: dict[int, TagResult] = field(default_factory=dict)
    """By the index of the input."""

    def shares_batches_with(self, other: _Job) -> bool:
        return self.tagger is other.tagger and self.arguments == other.arguments


@dataclass
class _Slice:
    """The inputs [start, end) of a job, in a batch with slices of other jobs."""

    job: _Job
    start: int
    end: int

    @property
    def inputs(self) -> Sequence[TagInput]:
        return self.job.inputs[self.start : self.end]

    def finish(self, results: list[TagResult] | Exception) -> None:
        """Give the job its results, or the error that ends it. The last results complete the job."""
        job = self.job
        if job.done.done():
            return
        if isinstance(results, Exception):
            job.done.set_exception(results)
            return
        job.results.update(enumerate(results, self.start))
        if len(job.results) == len(job.inputs):
            job.done.set_result([job.results[i] for i in range(len(job.inputs))])


class MicroBatches:
    """The queue in front of the taggers of a service. It belongs to one event loop.

    Jobs take turns: a large one goes to the end of the queue after each batch. A batch of little text is tagged in the
    event loop itself, any other in a thread.
    """

    def __init__(self, threads: int, observe_size: Callable[[int], None]) -> None:
        """
        Args:
            threads: how many threads tag at a time.
            observe_size: called with the number of inputs of each batch.
        """
        self._loop = asyncio.get_running_loop()
        self._pool = ThreadPoolExecutor(threads, "tagging")
        self._threads = threads
        self._running = 0
        self._waiting: deque[_Job] = deque()
        self._is_scheduled = False
        self._observe_size = observe_size

    @property
    def waiting(self) -> int:
        """The number of jobs with inputs that are in no batch yet."""
        return len(self._waiting)

    async def tag(self, tagger: Tagger, arguments: dict[str, Any], inputs: Sequence[TagInput]) -> list[TagResult]:
        """Return the answers to the inputs. After cancellation, no further inputs of the job enter a batch.

        Args:
            arguments: the keyword arguments of ``Tagger.tag``.

        Raises:
            TagsmithError: an input can't be tagged with these arguments.
        """
        if not inputs:
            return []
        job = _Job(tagger, arguments, inputs, self._loop.create_future())
        self._waiting.append(job)
        self._schedule()
        return await job.done

    def close(self) -> None:
        """End the threads."""
        self._pool.shutdown(cancel_futures=True)

    def _schedule(self) -> None:
        """Start batches once the requests that have arrived by now are read."""
        if not self._is_scheduled:
            self._is_scheduled = True
            self._loop.call_soon(self._start)

    def _start(self) -> None:
        self._is_scheduled = False
        while self._waiting and self._running < self._threads:
            batch, cost = self._next_batch()
            if not batch:
                return
            self._observe_size(sum(part.end - part.start for part in batch))
            if cost <= _INLINE_COST:
                _finish(batch, _tag(batch))
            else:
                self._running += 1
                self._loop.create_task(self._run(batch))

    async def _run(self, batch: list[_Slice]) -> None:
        results = await self._loop.run_in_executor(self._pool, _tag, batch)
        self._running -= 1
        _finish(batch, results)
        self._start()

    def _next_batch(self) -> tuple[list[_Slice], int]:
        """Return slices of the first job and of those that can share its batch, and what they cost together."""
        batch: list[_Slice] = []
        skipped: list[_Job] = []
        unfinished: list[_Job] = []
        cost = 0
        while self._waiting and cost < _BATCH_COST:
            job = self._waiting.popleft()
            if job.done.done():
                continue
            if batch and not job.shares_batches_with(batch[0].job):
                skipped.append(job)
                continue
            start = job.started
            while job.started < len(job.inputs) and cost < _BATCH_COST:
                cost += job.inputs[job.started].cost()
                job.started += 1
            batch.append(_Slice(job, start, job.started))
            if job.started < len(job.inputs):
                unfinished.append(job)
        self._waiting.extendleft(reversed(skipped))
        self._waiting.extend(unfinished)
        return batch, cost


def _tag(batch: list[_Slice]) -> list[list[TagResult] | Exception]:
    """Return the results of each slice. If the batch fails, each slice is tagged alone, so that only bad ones fail."""
    job = batch[0].job
    try:
        tagged = job.tagger.tag([one.to_tag() for part in batch for one in part.inputs], **job.arguments)
        return [[_result(one, next(tagged)) for one in part.inputs] for part in batch]
    except Exception as error:
        if len(batch) == 1:
            return [error]
        return [results for part in batch for results in _tag([part])]


def _result(one: TagInput, tagged: Tagged) -> TagResult:
    return TagResult(one.answer(tagged), len(tagged))


def _finish(batch: list[_Slice], results: list[list[TagResult] | Exception]) -> None:
    for part, part_results in zip(batch, results, strict=True):
        part.finish(part_results)
