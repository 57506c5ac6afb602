"""JSON lines in, JSON lines out: one answer a line, in order, while more lines arrive; memory use stays constant."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

import msgspec

from tagsmith.errors import TagsmithError
from tagsmith.serve.limits import Limits
from tagsmith.serve.refusals import RequestRefused, invalid
from tagsmith.serve.tag_inputs import TagInput, check_size, read_line
from tagsmith.text import TokenizerName

TagInputs = Callable[[Sequence[TagInput]], Awaitable[Sequence[bytes]]]
_NumberedLines = list[tuple[int, bytes]]
_READ_AHEAD = 2  # groups of lines that are read while others are tagged
_GROUP = 1_000  # most lines in a group


async def answer_lines(
    chunks: AsyncIterator[bytes],
    write: Callable[[bytes], Awaitable[None]],
    tag: TagInputs,
    limits: Limits,
    tokenizer: TokenizerName,
) -> str | None:
    """Write an answer for each line of the body that is not blank.

    A line that can't be tagged is answered by an object with its number and an ``error``. A line that is too long, or
    does not arrive in time, is answered like that and ends the answers.

    Returns:
        The error code that ended the answers, or None if all lines were read.
    """
    ended = None
    groups: asyncio.Queue[asyncio.Task[bytes] | bytes | None] = asyncio.Queue(_READ_AHEAD)

    async def read() -> None:
        nonlocal ended
        following = 1
        try:
            async for lines in _line_groups(chunks, limits):
                following = lines[-1][0] + 1
                await groups.put(tasks.create_task(_answer(lines, tag, limits, tokenizer)))
        except RequestRefused as refused:
            ended = refused.code
            await groups.put(_error_line(following, refused))
        await groups.put(None)

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(read())
        while (group := await groups.get()) is not None:
            await write(group if isinstance(group, bytes) else await group)
    return ended


async def _line_groups(chunks: AsyncIterator[bytes], limits: Limits) -> AsyncIterator[_NumberedLines]:
    """Yield the lines of a body that are not blank, with their numbers, in groups of lines that arrived together.

    Raises:
        RequestRefused: a line is too long, or does not arrive in time.
    """
    number, rest = 1, b""
    clock = asyncio.get_running_loop().time
    deadline = clock() + limits.seconds
    while True:
        try:
            async with asyncio.timeout_at(deadline):
                chunk = await anext(chunks, None)
        except TimeoutError:
            raise RequestRefused(408, "timeout", f"no line arrived for {limits.seconds:g} seconds") from None
        *whole, rest = (rest + chunk).split(b"\n") if chunk is not None else (rest, b"")
        lines = [(i, line) for i, line in enumerate(whole, number) if line.strip()]
        for first in range(0, len(lines), _GROUP):
            yield lines[first : first + _GROUP]
            await asyncio.sleep(0)  # let other requests run
            deadline = clock() + limits.seconds
        number += len(whole)
        if chunk is None:
            return
        if len(rest) > limits.body_bytes:
            raise RequestRefused(413, "too_large", f"found a line of more than {limits.body_bytes} bytes")


async def _answer(lines: _NumberedLines, tag: TagInputs, limits: Limits, tokenizer: TokenizerName) -> bytes:
    """Return the answers to a group of lines, as lines in the same order."""
    inputs: dict[int, TagInput] = {}
    answers: dict[int, bytes] = {}
    for number, line in lines:
        try:
            one = read_line(line)
            check_size(one, "this line", limits, tokenizer)
            inputs[number] = one
        except RequestRefused as refused:
            answers[number] = _error_line(number, refused)
    try:
        tagged = await tag(list(inputs.values()))
        answers.update((number, answer + b"\n") for number, answer in zip(inputs, tagged, strict=True))
    except TagsmithError as error:
        if len(lines) > 1:
            return b"".join([await _answer([line], tag, limits, tokenizer) for line in lines])
        answers = {number: _error_line(number, invalid(str(error))) for number in inputs}
    return b"".join(answers[number] for number, _ in lines)


def _error_line(number: int, refused: RequestRefused) -> bytes:
    error = {"code": refused.code, "message": refused.message}
    return msgspec.json.encode({"line": number, "error": error}) + b"\n"
