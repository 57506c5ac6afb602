"""What tagging costs against sentence length, batch size, number of tags and size of the vocabulary."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tagsmith import store
from tagsmith.bench import corpus
from tagsmith.bench.figures import Refused
from tagsmith.bench.processes import start
from tagsmith.bench.setting import Findings, Setting
from tagsmith.bench.workers import Entrant, Timing, own_job, timed

LENGTHS = (5, 10, 20, 40, 80, 160, 320, 640)
CALLS = (1, 2, 4, 8, 16, 32, 64, 256, 1024)
LABELS = (1, 4, 16, 48)
WORDS = (10_000, 100_000, 400_000, 1_000_000)
TOKENS = 10_000
REPEATS = 3


def curves(setting: Setting, findings: Findings) -> None:
    """Four curves of tokens a second; the last has the seconds of a cold start too."""
    findings.curves |= {
        "tokens in a sentence": list(_by_length(setting)),
        "sentences in a call": list(_by_call(setting)),
        "tags": list(_by_tags(setting)),
        "words in the table": list(_by_words(setting)),
    }


def _point(x: int, tokens: int, result: Timing) -> dict[str, float]:
    if result.answer["tags"] != tokens:
        raise Refused(f"{result.answer['tags']:,} tags for {tokens:,} tokens")
    return {"x": x, "tokens_per_second": tokens / result.best}


def _tag(model: str | Path, test: str, chunk: int = 0) -> Timing:
    return timed(Entrant(own_job("tagging"), {"test": test, "model": str(model), "chunk": chunk}), REPEATS)


def _by_length(setting: Setting) -> Iterator[dict[str, float]]:
    for length in LENGTHS:
        sentences = corpus.of_length(setting.sentences, length, TOKENS)
        test = corpus.write(sentences, setting.place("lengths.columns"))
        yield _point(length, length * len(sentences), _tag(setting.model, test))


def _some(setting: Setting) -> tuple[str, int]:
    """A file of the first test sentences, some 10,000 tokens of them, and its tokens."""
    sentences, tokens = [], 0
    for sentence in setting.sentences:
        sentences.append(sentence)
        tokens += len(sentence)
        if tokens >= TOKENS:
            break
    return corpus.write(sentences, setting.place("some.columns")), tokens


def _by_call(setting: Setting) -> Iterator[dict[str, float]]:
    test, tokens = _some(setting)
    expected = _tag(setting.model, test).answer["spans"]
    for chunk in CALLS:
        if chunk > len(expected):
            return
        result = _tag(setting.model, test, chunk)
        corpus.check_same(result.answer["spans"], expected)
        yield _point(chunk, tokens, result)


def _by_tags(setting: Setting) -> Iterator[dict[str, float]]:
    test, tokens = _some(setting)
    path = setting.place("labels.safetensors")
    for labels in LABELS:
        model = corpus.with_labels(setting.tagger.model, labels)
        store.save(model, path)
        yield _point(len(model.tags), tokens, _tag(path, test))
    path.unlink()


def _by_words(setting: Setting) -> Iterator[dict[str, float]]:
    test, tokens = _some(setting)
    expected = _tag(setting.model, test).answer["spans"]
    path = setting.place("words.safetensors")
    for words in WORDS:
        model = corpus.with_words(setting.tagger.model, words)
        if len(model.alphabets.words) > words:
            continue  # it has more already
        store.save(model, path)
        result = _tag(path, test)
        corpus.check_same(result.answer["spans"], expected)
        yield {**_point(words, tokens, result), "cold_start_seconds": timed(start(str(path)), REPEATS).best}
        path.unlink()
