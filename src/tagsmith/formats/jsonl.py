"""JSON lines: one object a line, with ``tokens`` and ``tags``, or with ``text`` to be tagged."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import Any, TextIO, TypeGuard

import msgspec

from tagsmith.errors import DataError
from tagsmith.files import read_lines, source_name
from tagsmith.formats.columns import OnBad
from tagsmith.text import Sentence, Tagged

_EXPECTED = 'a JSON object with "tokens" (a list of strings)'


def read_objects(path: str | os.PathLike[str], *, on_bad: OnBad | None = None) -> Iterator[tuple[int, dict[str, Any]]]:
    """Line numbers and objects of a file; blank lines are skipped.

    Raises:
        DataError: a line that is no JSON object.
    """
    source = source_name(path)
    for number, line in read_lines(path):
        if not line.strip():
            continue
        try:
            yield number, msgspec.json.decode(line, type=dict[str, Any])
        except (msgspec.MsgspecError, RecursionError) as error:
            bad = DataError(f"{line[:60].rstrip()!r} ({error})", "a JSON object", source=source, line=number)
            if on_bad is None:
                raise bad from None
            on_bad(bad)


def read(path: str | os.PathLike[str], *, tagged: bool = True, on_bad: OnBad | None = None) -> Iterator[Sentence]:
    """The sentences of a file, from ``tokens`` and, with ``tagged``, ``tags``.

    Raises:
        DataError: a line without them, with an empty token, or with another number of tags than of tokens.
    """
    source = source_name(path)
    for number, value in read_objects(path, on_bad=on_bad):
        try:
            sentence = to_sentence(value, source, number, tagged=tagged)
        except DataError as error:
            if on_bad is None:
                raise
            on_bad(error)
            continue
        yield sentence


def to_sentence(value: dict[str, Any], source: str, line: int, *, tagged: bool) -> Sentence:
    """The sentence an object holds.

    Raises:
        DataError: as for ``read``.
    """
    tokens, tags = value.get("tokens"), value.get("tags") if tagged else None
    if not _is_strings(tokens):
        raise DataError(f"an object with {_keys(value)}", _EXPECTED, source=source, line=line)
    if "" in tokens:
        raise DataError(f"an empty token (number {tokens.index('') + 1})", "a token", source=source, line=line)
    if not tagged:
        return Sentence(tokens, None, source, [line] * len(tokens))
    if not _is_strings(tags):
        expected = 'a list of strings under "tags" beside "tokens"'
        raise DataError(f"an object with {_keys(value)}", expected, source=source, line=line)
    if "" in tags:
        raise DataError(f"an empty tag (number {tags.index('') + 1})", "a tag", source=source, line=line)
    if len(tags) != len(tokens):
        raise DataError(f"{len(tags)} tags", f"{len(tokens)}, one for each token", source=source, line=line)
    return Sentence(tokens, tags, source, [line] * len(tokens))


def write(sentences: Iterable[Sentence], file: TextIO) -> int:
    """Write one object a sentence, with its tokens and, where it has them, its tags; gives their number."""
    count = 0
    for sentence in sentences:
        count += 1
        value: dict[str, Any] = {"tokens": sentence.tokens}
        if sentence.tags is not None:
            value["tags"] = sentence.tags
        file.write(dumps(value))
    return count


def answer(tagged: Tagged, given: dict[str, Any] | None = None) -> dict[str, Any]:
    """The object for an answer: what was given, with tokens, tags and spans added.

    Keys of the input stay; its own ``tags`` and ``spans`` move to ``gold_tags`` and ``gold_spans``, and a ``text``
    beside tokens, which the offsets do not count in, to ``given_text``.
    """
    kept = {f"gold_{key}" if key in ("tags", "spans") else key: value for key, value in (given or {}).items()}
    if kept.get("text", tagged.text) != tagged.text:
        kept["given_text"] = kept["text"]
    spans = [span._asdict() for span in tagged.spans]
    return {**kept, "text": tagged.text, "tokens": tagged.tokens, "tags": tagged.tags, "spans": spans}


def dumps(value: dict[str, Any]) -> str:
    """One line of JSON, with its line end."""
    return msgspec.json.encode(value).decode() + "\n"


def _is_strings(value: Any) -> TypeGuard[list[str]]:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _keys(value: dict[str, Any]) -> str:
    return f"keys {', '.join(map(repr, value))}" if value else "no keys"
