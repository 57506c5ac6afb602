"""Micro-batching: what arrives while the tagger is at work is tagged together, and nothing waits for company.

A sentence's answer is the same to the bit alone and in any batch, so who shares a batch with whom changes nothing.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from tagsmith.serve.messages import TagInput
from tagsmith.tagger import Tagger
from tagsmith.text import Tagged

_BATCH = 8_000  # characters that are tagged together
_LITTLE = 500  # characters that cost less to tag at once than to hand to a thread


class BatchResult(NamedTuple):
    """The answer to one input."""

    json: bytes
    tokens: int


@dataclass
class _Job:
    """A request's inputs. They may be tagged in several batches, by one tagger throughout."""

    tagger: Tagger
    wanted: dict[str, Any]
    inputs: Sequence[TagInput]
    future: asyncio.Future[None]
    taken: int = 0
    """So many of the inputs are tagged or under way."""
    answers: list[BatchResult | None] = field(default_factory=list)
    missing: int = 0


class _Share:
    """The inputs [start, end) of a job, in a batch with other shares."""

    def __init__(self, job: _Job, start: int, end: int) -> None:
        self.job, self.start, self.end = job, start, end

    @property
    def inputs(self) -> Sequence[TagInput]:
        return self.job.inputs[self.start : self.end]

    def settle(self, found: list[BatchResult] | Exception) -> None:
        """Give the job its answers; the last ones complete it."""
        job = self.job
        if job.future.done():
            return
        if isinstance(found, Exception):
            job.future.set_exception(found)
            return
        job.answers[self.start : self.end] = found
        job.missing -= len(found)
        if not job.missing:
            job.future.set_result(None)


class MicroBatches:
    """The queue before the taggers of a service. Belongs to one event loop.

    Jobs take turns: a large one gives way after each batch. A batch of little text is tagged in the loop itself, any
    other in one of so many threads.
    """

    def __init__(self, threads: int, measure: Callable[[int], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._pool = ThreadPoolExecutor(threads, "tagging")
        self._threads = threads
        self._running = 0
        self._waiting: deque[_Job] = deque()
        self._is_woken = False
        self._measure = measure

    @property
    def waiting(self) -> int:
        """Jobs that have inputs in no batch yet."""
        return len(self._waiting)

    async def tag(self, tagger: Tagger, wanted: dict[str, Any], inputs: Sequence[TagInput]) -> list[BatchResult]:
        """The answers to the inputs. If this is cancelled, what is not yet under way is never tagged."""
        if not inputs:
            return []
        job = _Job(tagger, wanted, inputs, self._loop.create_future(), 0, [None] * len(inputs), len(inputs))
        self._waiting.append(job)
        self._wake()
        await job.future
        return [answer for answer in job.answers if answer is not None]

    def close(self) -> None:
        """Let the threads go."""
        self._pool.shutdown(cancel_futures=True)

    def _wake(self) -> None:
        """Tag once all that has arrived by now has been read."""
        if not self._is_woken:
            self._is_woken = True
            self._loop.call_soon(self._start)

    def _start(self) -> None:
        self._is_woken = False
        while self._waiting and self._running < self._threads:
            shares, size = self._take()
            if not shares:
                return
            self._measure(sum(share.end - share.start for share in shares))
            if size <= _LITTLE:
                _settle(shares, _answers(shares))
            else:
                self._running += 1
                self._loop.create_task(self._run(shares))

    async def _run(self, shares: list[_Share]) -> None:
        found = await self._loop.run_in_executor(self._pool, _answers, shares)
        self._running -= 1
        _settle(shares, found)
        self._start()

    def _take(self) -> tuple[list[_Share], int]:
        """The next batch: shares of jobs like the first one, each in its turn; and its characters."""
        shares: list[_Share] = []
        others: list[_Job] = []
        unfinished: list[_Job] = []
        size = 0
        while self._waiting and size < _BATCH:
            job = self._waiting.popleft()
            if job.future.done():
                continue
            if shares and (job.tagger is not shares[0].job.tagger or job.wanted != shares[0].job.wanted):
                others.append(job)
                continue
            start = job.taken
            while job.taken < len(job.inputs) and size < _BATCH:
                size += job.inputs[job.taken].weight()
                job.taken += 1
            shares.append(_Share(job, start, job.taken))
            if job.taken < len(job.inputs):
                unfinished.append(job)
        self._waiting.extendleft(reversed(others))
        self._waiting.extend(unfinished)
        return shares, size


def _answers(shares: list[_Share]) -> list[list[BatchResult] | Exception]:
    """The answers to each share. Where one can't be answered, the others are all the same."""
    job = shares[0].job
    try:
        found = job.tagger.tag([one.to_tag() for share in shares for one in share.inputs], **job.wanted)
        return [[_answered(one, next(found)) for one in share.inputs] for share in shares]
    except Exception as error:
        if len(shares) == 1:
            return [error]
        return [answer for share in shares for answer in _answers([share])]


def _answered(given: TagInput, tagged: Tagged) -> BatchResult:
    return BatchResult(given.answer(tagged), len(tagged))


def _settle(shares: list[_Share], found: list[list[BatchResult] | Exception]) -> None:
    for share, answers in zip(shares, found, strict=True):
        share.settle(answers)
