"""Configurations: the records that differ only in their seed, grouped."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tagsmith.config import RANDOM_DIM, SoftmaxConfig, configure
from tagsmith.corpora import read_registry
from tagsmith.reproduce.records import Record, VectorsRecord
from tagsmith.reproduce.tables import MODEL, TABLES, TASKS, TEST, PaperRow

LEGAL, ANY = "scheme", "none"


@dataclass(frozen=True, eq=False)
class Configuration:
    """Records that differ only in their seed, in the order of the seeds."""

    records: tuple[Record, ...]

    @property
    def first(self) -> Record:
        """The first record, for everything that they share."""
        return self.records[0]

    @property
    def task(self) -> str:
        """The name of the task."""
        return self.first.task

    @property
    def title(self) -> str:
        """The title of the task, its measure, and any difference from the task's own epochs or files."""
        measure = "accuracy" if self.first.config.is_plain else "F1"
        files = "" if self.is_of_the_corpus else "on files whose counts differ from the corpus"
        return ", ".join([TASKS[self.task].title, measure, *filter(None, [self.cut, files])])

    @property
    def vectors(self) -> VectorsRecord | None:
        """The word vectors that training started from."""
        return self.first.vectors

    @property
    def vectors_name(self) -> str:
        """The file of the word vectors, for people."""
        return self.vectors.name if self.vectors else "random"

    @property
    def summary(self) -> str:
        """The word vectors and the number of epochs, for people."""
        random = f"random vectors of width {self.first.config.words.dim or RANDOM_DIM}"
        vectors = self.vectors
        given = f"vectors {vectors.name} ({vectors.words:,} of width {vectors.dim})" if vectors else random
        return f"{given}, at most {self.epochs} epochs"

    @property
    def seeds(self) -> tuple[int, ...]:
        """The seeds, in order."""
        return tuple(record.config.training.seed for record in self.records)

    @property
    def files(self) -> dict[str, str]:
        """The SHA-256 of each split's file."""
        return {split: file.sha256 for split, file in self.first.parts.items()}

    @property
    def cut(self) -> str:
        """The way in which training is shorter than the preset's: "cut to 5 of 50 epochs"."""
        whole = configure(TASKS[self.task].preset).training.epochs if self.task in TASKS else self.epochs
        return "" if self.epochs == whole else f"cut to {self.epochs} of {whole} epochs"

    @property
    def epochs(self) -> int:
        """The largest number of epochs."""
        return self.first.config.training.epochs

    @property
    def is_of_the_corpus(self) -> bool:
        """True if its files have as many sentences and tokens as those of the task's corpus."""
        corpus = read_registry().corpus(TASKS[self.task].corpus)
        known = corpus.files
        own = {split: file for split, file in self.first.parts.items() if split in known}
        if corpus.last_tenth_is_dev:  # train lacks its last tenth
            own = {TEST: own[TEST]}
        counts = [(split, file.sentences, file.tokens) for split, file in own.items()]
        return counts == [(split, known[split].sentences, known[split].tokens) for split in own]

    @property
    def is_softmax_over_spans(self) -> bool:
        """True if it was scored over all tag sequences as well as over the legal ones, as only softmax models are."""
        return isinstance(self.first.config.head, SoftmaxConfig) and ANY in self.first.scores[TEST]

    def is_of(self, row: PaperRow) -> bool:
        """Return whether this is the model of a row, whatever its seeds, vectors and epochs."""
        if self.task not in TASKS or (self.vectors and not row.vectors):
            return False
        config = self.first.config
        own = {"training.seed": config.training.seed, "training.epochs": config.training.epochs}
        return configure(TASKS[self.task].preset, {**row.settings, **own}) == config

    def scores(self, split: str, constraints: str = LEGAL) -> list[float]:
        """Return the scores of a split, by seed."""
        return [record.score(split, constraints) for record in self.records]


def group_records(records: Iterable[Record]) -> list[Configuration]:
    """Return the configurations in the order of tasks, full trainings before shorter ones."""
    groups: dict[tuple[object, ...], list[Record]] = {}
    for record in records:
        config = configure(record.config, {"training.seed": 1})
        files = tuple((split, file.sha256) for split, file in sorted(record.parts.items()))
        content = (record.task, config, record.tag_column, files, record.vectors and record.vectors.sha256)
        groups.setdefault(content, []).append(record)
    configurations = [
        Configuration(tuple(sorted(group, key=lambda record: record.config.training.seed))) for group in groups.values()
    ]
    order = list(TASKS)
    return sorted(
        configurations,
        key=lambda one: (
            order.index(one.task) if one.task in order else len(order),
            one.task,
            -one.epochs,
            _order_of_vectors(one),
            one.first.key,
        ),
    )


def _order_of_vectors(configuration: Configuration) -> str:
    return configuration.vectors.name if configuration.vectors else ""


def name_of(configuration: Configuration) -> str:
    """Return the configuration's name in the first table that has it; "" if none does."""
    if configuration.is_of(MODEL):
        return MODEL.name
    rows = ((name, row) for name, table in TABLES.items() for row in table.rows)
    return next((f"{name}: {row.name}" for name, row in rows if configuration.is_of(row)), "")
