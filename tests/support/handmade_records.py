"""Records made by hand, with given scores and predictions to match.

``python -m tests.support.handmade_records`` writes the expected report, tests/reproduce/report/report.md.
"""

from __future__ import annotations

import hashlib
import json
import random
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from tagsmith.config import Config, configure, differences
from tagsmith.corpora import read_registry
from tagsmith.metrics import score
from tagsmith.quality.vocabulary_classes import VOCABULARY_CLASSES
from tagsmith.reproduce.records import (
    EpochRecord,
    Predictions,
    Record,
    SplitRecord,
    VectorsRecord,
    with_counts,
)
from tagsmith.reproduce.report.writing import write_report
from tagsmith.reproduce.results import Results
from tagsmith.reproduce.tables import TASKS

EXPECTED_REPORT = Path(__file__).parents[1] / "reproduce" / "report" / "report.md"
VECTORS = VectorsRecord(name="glove.txt", sha256="9" * 64, words=400_000, dim=50)
RIVAL = {
    "tool": "python-crfsuite",
    "version": "0.9.11",
    "c1": 0.1,
    "data": {split: {"file": f"{split}.txt", "sha256": f"d{split}"} for split in ("train", "dev", "test")},
    "dev": {"f1": 80.125, "precision": 1.0},
    "test": {"f1": 70.5},
    "seconds": {"training": 1.0, "tagging": 1.0},
}


def make_record(
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
    """Return a record and its predictions.

    Args:
        right: the share of tags predicted right; 0.1 less without constraints.
        data: the start of the SHA-256 of each file.
        more: further fields of the record.
    """
    config = configure(TASKS[task].preset, {**(settings or {}), "training.seed": seed})
    scores, predictions = _scores(config, task, right, sentences)
    content = [differences(config, "ner"), task, msgspec.to_builtins(vectors), data]
    values: dict[str, Any] = {
        "key": hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16],
        "task": task,
        "config": config,
        "parts": _split_records(task, tuple(scores), sentences, data),
        "tag_column": TASKS[task].tag_column,
        "vectors": vectors,
        "scores": scores,
        "best_epoch": 3,
        "stopped": "epochs",
        "epochs": [_epoch(number) for number in (1, 2, 3)],
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
    return with_counts(Record(**{**values, **more}), predictions), predictions


def _scores(
    config: Config, task: str, right: float, sentences: int
) -> tuple[dict[str, dict[str, dict[str, Any]]], Predictions]:
    gold = [["B-PER", "O", *["B-LOC"] * (number % 2)] for number in range(sentences)]
    rates = {"scheme": right} if config.is_plain else {"scheme": right, "none": right - 0.1}
    scores: dict[str, dict[str, dict[str, Any]]] = {}
    predictions: Predictions = {}
    for number, split in enumerate(("train", "dev", "test", *TASKS[task].also)):
        seed = 10 * config.training.seed + number
        tags = {constraints: _lose_some(gold, rate, seed) for constraints, rate in rates.items()}
        predictions[split], scores[split] = {"gold": gold, **tags}, {}
        for constraints, predicted in tags.items():
            figures = score(zip(gold, predicted, strict=True), spans=not config.is_plain)
            classes = {name: figures.overall.as_dict() for name in VOCABULARY_CLASSES}
            scores[split][constraints] = {**figures.as_dict(), "vocabulary": classes}
    del predictions["train"]
    return scores, predictions


def _lose_some(gold: list[list[str]], kept: float, seed: int) -> list[list[str]]:
    generator = random.Random(seed)
    return [[tag if generator.random() < kept else "O" for tag in tags] for tags in gold]


def _split_records(task: str, splits: tuple[str, ...], sentences: int, data: str) -> dict[str, SplitRecord]:
    """Return records with the sizes of the corpus, as if they were of its own files."""
    corpus = read_registry().corpus(TASKS[task].corpus)
    return {
        split: SplitRecord(
            name=f"{task}/{split}.txt",
            sha256=f"{data}{split}",
            sentences=corpus.files[split].sentences if split in corpus.files else sentences,
            tokens=corpus.files[split].tokens if split in corpus.files else 5 * sentences // 2,
        )
        for split in splits
    }


def _epoch(number: int) -> EpochRecord:
    return EpochRecord(
        number=number,
        loss=10.0 / number,
        learning_rate=0.015,
        seconds=30.0,
        tokens_per_second=15_000.0,
        dev_score=90.0 - 20.0 / number,
        best=number == 3,
    )


def fill(results: Results) -> None:
    """Save two seeds of the model, a softmax with one seed, a model without counts, another task, and rivals."""
    rows: list[tuple[dict[str, object], dict[str, Any]]] = [
        ({}, {"seed": 1, "right": 0.8}),
        ({}, {"seed": 2, "right": 0.85, "resumed": True}),
        ({"head.kind": "softmax"}, {"seed": 2, "stopped": "patience"}),
        ({"training.epochs": 5}, {"device": "cuda", "processor": "A GPU", "side_by_side": [1, 2]}),
        ({"training.clip": 1.0}, {}),
        ({}, {"task": "pos-upos", "commit": "def", "date": "2026-11-25T01:00:00+00:00"}),
    ]
    for settings, more in rows:
        results.save(*make_record(settings, **more))
    without_counts, predictions = make_record({"head.potentials": "bigram"})
    results.save(msgspec.structs.replace(without_counts, counts={}), predictions)
    for path in (results.folder / "predictions").iterdir():
        path.unlink()
    (results.folder / "rivals").mkdir()
    other = {**RIVAL, "tool": "<b>spaCy|", "data": {"test": {"file": "t", "sha256": "e"}}}
    (results.folder / "rivals" / "ner.json").write_text(json.dumps([RIVAL, other]))


def main() -> None:
    """Write the report that the tests expect."""
    with tempfile.TemporaryDirectory() as folder:
        results = Results(Path(folder))
        fill(results)
        write_report(results, Path(folder) / "report.md")
        EXPECTED_REPORT.write_text((Path(folder) / "report.md").read_text("utf-8"), "utf-8")


if __name__ == "__main__":
    main()
