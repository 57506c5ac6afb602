"""Records made by hand: scores that one asks for, and predictions to match."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

from tagsmith.config import configure, differences
from tagsmith.corpora import CorpusEntry, read_registry
from tagsmith.metrics import score
from tagsmith.quality.vocabulary_classes import VOCABULARY_CLASSES
from tagsmith.reproduce.records import EpochRecord, Predictions, Record, SplitRecord, VectorsRecord, counted
from tagsmith.reproduce.tables import TASKS
from tagsmith.schemes import SCHEMES

VECTORS = VectorsRecord(name="glove.txt", sha256="9" * 64, words=400_000, dim=50)


def predict(gold: list[list[str]], right: float, seed: int) -> list[list[str]]:
    """The gold tags with some spans, or tags, lost."""
    generator = random.Random(seed)
    return [[tag if generator.random() < right else "O" for tag in tags] for tags in gold]


def gold_tags(sentences: int) -> list[list[str]]:
    """One span or two in each sentence."""
    return [["B-PER", "O", *["B-LOC"] * (number % 2)] for number in range(sentences)]


def make(
    settings: Mapping[str, object] | None = None,
    *,
    task: str = "ner",
    seed: int = 1,
    right: float = 0.9,
    vectors: VectorsRecord | None = VECTORS,
    sentences: int = 40,
    data: str = "d",
    **more: Any,
) -> tuple[Record, Predictions]:
    """A record whose answers are right so often, and its predictions. Without constraints a tenth less is right."""
    config = configure(TASKS[task].preset, {**(settings or {}), "training.seed": seed})
    spans = config.scheme in SCHEMES
    gold = gold_tags(sentences)
    kinds = {"scheme": right, "none": right - 0.1} if spans else {"scheme": right}
    parts = ("train", "dev", "test", *TASKS[task].also)
    predictions: Predictions = {}
    scores: dict[str, dict[str, dict[str, Any]]] = {}
    for number, part in enumerate(parts):
        tags = {kind: predict(gold, rate, 10 * seed + number) for kind, rate in kinds.items()}
        predictions[part], scores[part] = {"gold": gold, **tags}, {}
        for kind, answers in tags.items():
            figures = score(zip(gold, answers, strict=True), spans=spans)
            classes = {name: figures.overall.as_dict() for name in VOCABULARY_CLASSES}
            scores[part][kind] = {**figures.as_dict(), "vocabulary": classes}
    del predictions["train"]
    known = read_registry()[TASKS[task].corpus]
    assert isinstance(known, CorpusEntry)
    corpus = known.files  # the sizes, as if they were its own files
    epochs = [
        EpochRecord(
            number=number,
            loss=10.0 / number,
            learning_rate=0.015,
            seconds=30.0,
            tokens_per_second=15_000.0,
            dev_score=90.0 - 20.0 / number,
            best=number == 3,
        )
        for number in (1, 2, 3)
    ]
    values: dict[str, Any] = {
        "key": f"{random.Random(repr((differences(config, 'ner'), task, vectors, data))).getrandbits(64):016x}",
        "task": task,
        "config": config,
        "parts": {
            part: SplitRecord(
                name=f"{task}/{part}.txt",
                sha256=f"{data}{part}",
                sentences=corpus[part].sentences if part in corpus else sentences,
                tokens=corpus[part].tokens if part in corpus else 5 * sentences // 2,
            )
            for part in parts
        },
        "tag_column": TASKS[task].tag_column,
        "vectors": vectors,
        "scores": scores,
        "best_epoch": 3,
        "stopped": "epochs",
        "epochs": epochs,
        "resumed": False,
        "training_seconds": 90.0,
        "wall_seconds": 100.0,
        "tokens_per_second": 15_000.0,
        "peak_bytes": 1_250_000_000,
        "date": "2026-11-24T10:00:00+00:00",
        "commit": "abc",
        "versions": {"python": "3.11.7", "tagsmith": "0.1.0"},
        "processor": "A processor",
    }
    return counted(Record(**{**values, **more}), predictions), predictions
