"""JSON lines in, JSON lines out: a line for each line, in order, while more come in; memory stays flat."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

import msgspec

from tagsmith.errors import TagsmithError
from tagsmith.serve.limits import Limits, RequestRefused
from tagsmith.serve.messages import TagInput, check, read_line
from tagsmith.text import TokenizerName

Tag = Callable[[Sequence[TagInput]], Awaitable[Sequence[bytes]]]
_Numbered = list[tuple[int, bytes]]
_AHEAD = 2  # groups of lines that are read while others are tagged
_TOGETHER = 1_000  # lines in a group at most


async def answer_lines(
    chunks: AsyncIterator[bytes],
    write: Callable[[bytes], Awaitable[None]],
    tag: Tag,
    limits: Limits,
    tokenizer: TokenizerName,
) -> str | None:
    """Write an answer for each line of the body that is not blank.

    A line that can't be tagged gets an object with its number and an ``error`` in its place, and the next one is read.
    A line that is too long, or does not come in time, ends the answers with such an object; its code is returned.
    """
    ended = None
    groups: asyncio.Queue[asyncio.Task[bytes] | bytes | None] = asyncio.Queue(_AHEAD)

    async def read() -> None:
        nonlocal ended
        last = 1
        try:
            async for lines in _lines(chunks, limits):
                last = lines[-1][0] + 1
                await groups.put(tasks.create_task(_answer(lines, tag, limits, tokenizer)))
        except RequestRefused as refused:
            ended = refused.code
            await groups.put(_error(last, refused) + b"\n")
        await groups.put(None)

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(read())
        while (group := await groups.get()) is not None:
            await write(group if isinstance(group, bytes) else await group)
    return ended


async def _lines(chunks: AsyncIterator[bytes], limits: Limits) -> AsyncIterator[_Numbered]:
    """The lines of a body with their numbers, some that came in together at a time; no blank ones."""
    number, rest = 1, b""
    clock = asyncio.get_running_loop().time
    until = clock() + limits.seconds
    while True:
        try:
            async with asyncio.timeout_at(until):
                chunk = await anext(chunks, None)
        except TimeoutError:
            raise RequestRefused(408, "timeout", f"no line came in for {limits.seconds:g} seconds") from None
        *whole, rest = (rest + chunk).split(b"\n") if chunk is not None else (rest, b"")
        lines = [(i, line) for i, line in enumerate(whole, number) if line.strip()]
        for some in range(0, len(lines), _TOGETHER):
            yield lines[some : some + _TOGETHER]
            await asyncio.sleep(0)  # others get their turn
            until = clock() + limits.seconds
        number += len(whole)
        if chunk is None:
            return
        if len(rest) > limits.body_bytes:
            raise RequestRefused(413, "too_large", f"found a line of more than {limits.body_bytes} bytes")


async def _answer(lines: _Numbered, tag: Tag, limits: Limits, tokenizer: TokenizerName) -> bytes:
    """The answers to some lines, each on one of its own."""
    inputs: dict[int, TagInput] = {}
    answers: dict[int, bytes] = {}
    for number, line in lines:
        try:
            one = read_line(line)
            check(one, "this line", limits, tokenizer)
            inputs[number] = one
        except RequestRefused as refused:
            answers[number] = _error(number, refused)
    try:
        answers.update(zip(inputs, await tag(list(inputs.values())), strict=True))
    except TagsmithError as error:
        if len(lines) > 1:
            return b"".join([await _answer([line], tag, limits, tokenizer) for line in lines])
        answers = {number: _error(number, RequestRefused(422, "invalid", str(error))) for number in inputs}
    return b"".join(answers[number] + b"\n" for number, _ in lines)


def _error(number: int, refused: RequestRefused) -> bytes:
    return msgspec.json.encode({"line": number, "error": {"code": refused.code, "message": refused.message}})
