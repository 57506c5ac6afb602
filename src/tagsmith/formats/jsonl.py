"""JSON lines: one object a line, of tokens and tags, of a text and its character spans, or of a text to tag.

    {"tokens": ["Jay", "left"], "tags": ["B-PER", "O"]}
    {"text": "Jay left", "spans": [{"start": 0, "end": 3, "label": "PER"}]}

Offsets count characters (Unicode code points) from 0; ``end`` is the offset after the last character.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TextIO, TypeGuard

import msgspec

from tagsmith.errors import DataError
from tagsmith.files import read_lines, source_name
from tagsmith.formats.char_spans import EXPECTED, keys_of, split_text
from tagsmith.formats.columns import Columns, OnBad
from tagsmith.formats.format import InputRecord, Prediction, ReadOptions
from tagsmith.schemes import sentence_spans
from tagsmith.text import Alternative, Sentence, Tagged, TaggedSpan, TokenizerName, spaced

_RENAMED: dict[str, str] = {
    **dict.fromkeys(("tags", "spans", "entities"), "gold_"),
    **dict.fromkeys(("token_probabilities", "sentence_probabilities", "alternatives"), "given_"),
}
_SPAN_KEYS = TaggedSpan._fields[:-1]  # all but the probability


def read_objects(path: str | os.PathLike[str], *, on_bad: OnBad | None = None) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the line numbers and objects of a file. Blank lines are skipped.

    Raises:
        DataError: a line that is not a JSON object.
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


def read(
    path: str | os.PathLike[str],
    *,
    tagged: bool = True,
    on_bad: OnBad | None = None,
    tokenizer: TokenizerName = "words",
) -> Iterator[Sentence]:
    """Yield the sentences of a file: that of ``tokens`` and ``tags``, or those that a ``text`` is split into.

    Raises:
        DataError: a line that holds neither as it should.
    """
    source = source_name(path)
    for number, value in read_objects(path, on_bad=on_bad):
        try:
            if "text" in value and "tokens" not in value:
                sentences = split_text(value, source, number, tagged=tagged, tokenizer=tokenizer)
            else:
                sentences = [to_sentence(value, source, number, tagged=tagged)]
        except DataError as error:
            if on_bad is None:
                raise
            on_bad(error)
            continue
        yield from sentences


def read_inputs(path: str | os.PathLike[str], options: ReadOptions) -> Iterator[InputRecord]:
    """Yield the text or the tokens of each object, which predictions are written back into.

    Raises:
        DataError: a line that holds neither as it should.
    """
    source = source_name(path)
    for number, value in read_objects(path, on_bad=options.on_bad):
        try:
            given = value.get("text")
            if "tokens" in value or not isinstance(given, str):
                given = to_sentence(value, source, number, tagged=False)
        except DataError as error:
            if options.on_bad is None:
                raise
            options.on_bad(error)
        else:
            yield InputRecord(given, value, source, number)


def to_sentence(value: Mapping[str, Any], source: str, line: int, *, tagged: bool) -> Sentence:
    """Return the sentence of an object's ``tokens`` and ``tags``.

    Raises:
        DataError: as for ``read``.
    """
    tokens, tags = value.get("tokens"), value.get("tags") if tagged else None
    if not _is_strings(tokens):
        raise DataError(f"an object with {keys_of(value)}", EXPECTED, source=source, line=line)
    if "" in tokens:
        raise DataError(f"an empty token (number {tokens.index('') + 1})", "a token", source=source, line=line)
    if not tagged:
        return Sentence(tokens, None, source, [line] * len(tokens))
    if not _is_strings(tags):
        expected = 'a list of strings under "tags" beside "tokens"'
        raise DataError(f"an object with {keys_of(value)}", expected, source=source, line=line)
    if "" in tags:
        raise DataError(f"an empty tag (number {tags.index('') + 1})", "a tag", source=source, line=line)
    if len(tags) != len(tokens):
        raise DataError(f"{len(tags)} tags", f"{len(tokens)}, one for each token", source=source, line=line)
    return Sentence(tokens, tags, source, [line] * len(tokens))


def write(sentences: Iterable[Sentence], file: TextIO) -> int:
    """Write one object a sentence, with its tokens and, if it has them, its tags; return the sentence count."""
    count = 0
    for sentence in sentences:
        count += 1
        value: dict[str, Any] = {"tokens": sentence.tokens}
        if sentence.tags is not None:
            value["tags"] = sentence.tags
        file.write(dumps(value))
    return count


def write_spans(sentences: Iterable[Sentence], file: TextIO) -> int:
    """Write one object a sentence, with its tokens joined by single spaces and its spans; return the sentence count.

    Raises:
        DataError: a tag that is not a span tag.
    """
    count = 0
    for sentence in sentences:
        count += 1
        text, starts = spaced(sentence.tokens)
        spans = [
            {"start": starts[start], "end": starts[end - 1] + len(sentence.tokens[end - 1]), "label": label}
            for start, end, label in sentence_spans(sentence)
        ]
        file.write(dumps({"text": text, "spans": spans}))
    return count


def write_predictions(predictions: Iterable[Prediction], file: TextIO, columns: Columns | None = None) -> None:
    """Write the object of each prediction, with the keys of the object that was tagged."""
    for record, tagged in predictions:
        file.write(dumps(to_object(tagged, _given(record))))


def write_span_predictions(predictions: Iterable[Prediction], file: TextIO, columns: Columns | None = None) -> None:
    """Write the text and spans of each prediction, with the keys of the object that was tagged."""
    for record, tagged in predictions:
        file.write(dumps(to_spans_object(tagged, _given(record))))


def to_object(tagged: Tagged, given: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return the object of a prediction: the given keys, and its text, tokens, tags and spans.

    The given ``tags``, ``spans`` and ``entities`` are renamed to ``gold_tags`` and so on. Given probabilities, and a
    given ``text`` in which the offsets do not count, are renamed to ``given_text`` and so on. Probabilities and
    alternatives are included if the prediction has them.
    """
    kept = _kept(given or {}, tagged)
    value = {**kept, "text": tagged.text, "tokens": tagged.tokens, "tags": tagged.tags, "spans": _spans(tagged.spans)}
    if tagged.token_probabilities is not None and tagged.sentence_probabilities is not None:
        value["token_probabilities"] = list(map(_rounded, tagged.token_probabilities))
        value["sentence_probabilities"] = list(map(_rounded, tagged.sentence_probabilities))
    if tagged.alternatives is not None:
        value["alternatives"] = [[_alternative(each) for each in ranked] for ranked in tagged.alternatives]
    return value


def to_spans_object(tagged: Tagged, given: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return the object of a prediction as a text and its character spans alone.

    The given ``tokens`` are renamed to ``given_tokens``, the other given keys as in ``to_object``.
    """
    spans = [
        {"start": span.start_char, "end": span.end_char, "label": span.label, **_probability(span)}
        for span in tagged.spans
    ]
    kept = {"given_tokens" if key == "tokens" else key: value for key, value in _kept(given or {}, tagged).items()}
    return {**kept, "text": tagged.text, "spans": spans}


def dumps(value: Mapping[str, Any]) -> str:
    """Return one line of JSON, with its line end."""
    return msgspec.json.encode(value).decode() + "\n"


def _given(record: InputRecord) -> Mapping[str, Any] | None:
    return record.origin if isinstance(record.origin, Mapping) else None


def _spans(spans: Iterable[TaggedSpan]) -> list[dict[str, Any]]:
    return [{**dict(zip(_SPAN_KEYS, span, strict=False)), **_probability(span)} for span in spans]


def _probability(span: TaggedSpan) -> dict[str, float]:
    return {} if span.probability is None else {"probability": _rounded(span.probability)}


def _rounded(number: float) -> float:
    """Return a number rounded to six significant digits."""
    return float(f"{number:.6g}")


def _alternative(alternative: Alternative) -> dict[str, Any]:
    return {
        "tags": alternative.tags,
        "spans": _spans(alternative.spans),
        "log_probability": _rounded(alternative.log_probability),
    }


def _kept(given: Mapping[str, Any], tagged: Tagged) -> dict[str, Any]:
    kept = {_RENAMED.get(key, "") + key: value for key, value in given.items()}
    if kept.get("text", tagged.text) != tagged.text:
        kept["given_text"] = kept["text"]
    return kept


def _is_strings(value: Any) -> TypeGuard[list[str]]:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)
