"""What tagging costs against sentence length, batch size, number of tags and size of the vocabulary."""

from __future__ import annotations

from pathlib import Path

from tagsmith import store
from tagsmith.bench import corpus
from tagsmith.bench.figures import Refused
from tagsmith.bench.processes import start
from tagsmith.bench.setting import Findings, Setting
from tagsmith.bench.workers import Entrant, own_job, race, timed
from tagsmith.text import Sentence

LENGTHS = (5, 10, 20, 40, 80, 160, 320, 640)
CALLS = (1, 2, 4, 8, 16, 32, 64, 256, 1024)
LABELS = (1, 4, 16, 48)
WORDS = (10_000, 100_000, 400_000, 1_000_000)
TOKENS = 10_000
REPEATS = 3
Points = list[dict[str, float]]


def curves(setting: Setting, findings: Findings) -> None:
    """Four curves of tokens a second; the last has the seconds of a cold start too."""
    findings.curves["tokens in a sentence"] = _by_length(setting)
    sentences, tokens = _some(setting)
    test = corpus.write(sentences, setting.place("some.columns"))
    findings.curves["sentences in a call"] = _by_call(setting, test, len(sentences), tokens)
    findings.curves["tags"] = _by_tags(setting, test, tokens)
    findings.curves["words in the table"] = _by_words(setting, test, tokens)


def _tag(test: str, model: str | Path, chunk: int = 0) -> Entrant:
    return Entrant(own_job("tagging"), {"test": test, "model": str(model), "chunk": chunk})


def _points(entrants: dict[int, Entrant], tokens: dict[int, int], *, same: bool) -> Points:
    """Tokens a second of each; all points of a curve take turns.

    Args:
        same: whether all tag the same sentences, and must find the same spans.
    """
    points = []
    results = race({str(x): entrant for x, entrant in entrants.items()}, REPEATS)
    first = None
    for x, result in zip(entrants, results.values(), strict=True):
        if isinstance(result, Refused):
            raise result
        if result.answer["tags"] != tokens[x]:
            raise Refused(f"{result.answer['tags']:,} tags for {tokens[x]:,} tokens")
        first = first or result
        if same:
            corpus.check_same(result.answer["spans"], first.answer["spans"])
        points.append({"x": x, "tokens_per_second": tokens[x] / result.best})
    return points


def _by_length(setting: Setting) -> Points:
    entrants, tokens = {}, {}
    for length in LENGTHS:
        sentences = corpus.of_length(setting.sentences, length, TOKENS)
        test = corpus.write(sentences, setting.place(f"length-{length}.columns"))
        entrants[length], tokens[length] = _tag(test, setting.model), length * len(sentences)
    return _points(entrants, tokens, same=False)


def _some(setting: Setting) -> tuple[list[Sentence], int]:
    """The first test sentences, some 10,000 tokens of them, and how many."""
    sentences, tokens = [], 0
    for sentence in setting.sentences:
        if tokens >= TOKENS:
            break
        sentences.append(sentence)
        tokens += len(sentence)
    return sentences, tokens


def _by_call(setting: Setting, test: str, sentences: int, tokens: int) -> Points:
    chunks = [chunk for chunk in CALLS if chunk <= sentences]
    entrants = {chunk: _tag(test, setting.model, chunk) for chunk in chunks}
    return _points(entrants, dict.fromkeys(chunks, tokens), same=True)


def _by_tags(setting: Setting, test: str, tokens: int) -> Points:
    entrants = {}
    for labels in LABELS:
        model = corpus.with_labels(setting.tagger.model, labels)
        path = setting.place(f"labels-{labels}.safetensors")
        store.save(model, path)
        entrants[len(model.tags)] = _tag(test, path)
    return _points(entrants, dict.fromkeys(entrants, tokens), same=False)


def _by_words(setting: Setting, test: str, tokens: int) -> Points:
    entrants = {}
    for words in WORDS:
        model = corpus.with_words(setting.tagger.model, words)
        if len(model.alphabets.words) == words:  # and not more already
            path = setting.place(f"words-{words}.safetensors")
            store.save(model, path)
            entrants[words] = _tag(test, path)
    points = _points(entrants, dict.fromkeys(entrants, tokens), same=True)
    for point, entrant in zip(points, entrants.values(), strict=True):
        point["cold_start_seconds"] = timed(start(entrant.options["model"]), REPEATS).best
        Path(entrant.options["model"]).unlink()
    return points
