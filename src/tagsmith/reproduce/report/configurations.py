"""Records gathered: a configuration is those that differ in their seed alone, a line is what a table shows of one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from tagsmith.config import SoftmaxConfig, configure
from tagsmith.corpora import CorpusEntry, read_registry
from tagsmith.reproduce.records import Record, VectorsRecord
from tagsmith.reproduce.tables import MODEL, TABLES, TASKS, TEST, PaperRow

LEGAL, ANY = "scheme", "none"


@dataclass(frozen=True, eq=False)
class Configuration:
    """Records, one a seed, in the order of the seeds."""

    records: tuple[Record, ...]

    @property
    def first(self) -> Record:
        """One of them, for all that they have in common."""
        return self.records[0]

    @property
    def task(self) -> str:
        """The name of its task."""
        return self.first.task

    @property
    def vectors(self) -> VectorsRecord | None:
        """Where its word vectors began."""
        return self.first.vectors

    @property
    def vectors_name(self) -> str:
        """The file of its word vectors, for people."""
        return self.vectors.name if self.vectors else "at random"

    @property
    def seeds(self) -> tuple[int, ...]:
        """The seeds, in order."""
        return tuple(record.config.training.seed for record in self.records)

    @property
    def files(self) -> dict[str, str]:
        """The SHA-256 of each part's file."""
        return {part: file.sha256 for part, file in self.first.parts.items()}

    @property
    def cut(self) -> str:
        """How its training falls short of the preset's: "cut to 5 of 50 epochs"."""
        whole = configure(TASKS[self.task].preset).training.epochs if self.task in TASKS else self.epochs
        return "" if self.epochs == whole else f"cut to {self.epochs} of {whole} epochs"

    @property
    def epochs(self) -> int:
        """How many there are at most."""
        return self.first.config.training.epochs

    @property
    def is_of_the_corpus(self) -> bool:
        """Whether its files have as many sentences and tokens as those of its task's corpus."""
        corpus = read_registry()[TASKS[self.task].corpus]
        assert isinstance(corpus, CorpusEntry)
        known = corpus.files
        own = {part: file for part, file in self.first.parts.items() if part in known}
        if corpus.last_tenth_is_dev:  # of its train
            own = {TEST: own[TEST]}
        counts = [(part, file.sentences, file.tokens) for part, file in own.items()]
        return counts == [(part, known[part].sentences, known[part].tokens) for part in own]

    def is_of(self, row: PaperRow) -> bool:
        """Whether this is the model of a row, whatever its seeds, vectors and epochs."""
        if self.task not in TASKS or (self.vectors and not row.vectors):
            return False
        config = self.first.config
        own = {"training.seed": config.training.seed, "training.epochs": config.training.epochs}
        return configure(TASKS[self.task].preset, {**row.settings, **own}) == config

    def scores(self, part: str, constraints: str = LEGAL) -> list[float]:
        """The scores of a part, by seed."""
        return [record.score(part, constraints) for record in self.records]


def gather(records: Iterable[Record]) -> list[Configuration]:
    """The configurations, whole trainings before cut ones, in the order of tasks."""
    found: dict[tuple[object, ...], list[Record]] = {}
    for record in records:
        config = configure(record.config, {"training.seed": 1})
        files = tuple((part, file.sha256) for part, file in sorted(record.parts.items()))
        alike = (record.task, config, record.tag_column, files, record.vectors and record.vectors.sha256)
        found.setdefault(alike, []).append(record)
    configurations = [
        Configuration(tuple(sorted(alike, key=lambda record: record.config.training.seed))) for alike in found.values()
    ]
    order = list(TASKS)
    return sorted(
        configurations,
        key=lambda one: (
            order.index(one.task) if one.task in order else len(order),
            one.task,
            -one.epochs,
            one.vectors_name,
            one.first.key,
        ),
    )


def name_of(configuration: Configuration) -> str:
    """What the first table that has it calls it; "" if none does."""
    if configuration.is_of(MODEL):
        return MODEL.name
    rows = ((name, row) for name, table in TABLES.items() for row in table.rows)
    return next((f"{name}: {row.name}" for name, row in rows if configuration.is_of(row)), "")


@dataclass(frozen=True)
class ReportRow:
    """A line of a table: a configuration's scores among all tag sequences or the legal ones."""

    row: PaperRow
    model: str
    """The row's name, with the vectors where the table has several."""
    configuration: Configuration
    constraints: str

    @property
    def name(self) -> str:
        """The model, of a softmax with what it may answer."""
        if not _is_softmax(self.configuration):
            return self.model
        return f"{self.model}, {'any sequence' if self.constraints == ANY else 'legal sequences'}"

    @property
    def is_reference(self) -> bool:
        """Whether the others are compared with it: the preset as it is."""
        return not self.row.settings and self.row.vectors

    @property
    def paper(self) -> Mapping[str, float]:
        """What the paper printed for it, by part (and class of words): for the corpus itself; its softmax models may
        answer anything, and only a row that says so begins with random vectors."""
        if not self.configuration.is_of_the_corpus or (self.row.vectors and not self.configuration.vectors):
            return {}
        if self.constraints == LEGAL and _is_softmax(self.configuration):
            return {}
        task = f"{self.configuration.task} "
        return {name.removeprefix(task): figure for name, figure in self.row.paper.items() if name.startswith(task)}

    def scores(self, part: str) -> list[float]:
        """The scores of a part, by seed."""
        return self.configuration.scores(part, self.constraints)


def lines_of(rows: Sequence[PaperRow], configurations: Sequence[Configuration]) -> list[ReportRow]:
    """The lines of a table: a softmax over spans has two, one for each kind of constraints.

    A row without vectors wins over the same with any.
    """
    found = [(row, one) for row in rows for one in configurations if _row_of(one, rows) is row]
    several = len({one.vectors_name for row, one in found if row.vectors}) > 1
    return [
        ReportRow(
            row, f"{row.name}, vectors {one.vectors_name}" if several and row.vectors else row.name, one, constraints
        )
        for row, one in found
        for constraints in ((ANY, LEGAL) if _is_softmax(one) else (LEGAL,))
    ]


def _row_of(configuration: Configuration, rows: Sequence[PaperRow]) -> PaperRow | None:
    return next((row for row in sorted(rows, key=lambda row: row.vectors) if configuration.is_of(row)), None)


def _is_softmax(configuration: Configuration) -> bool:
    return isinstance(configuration.first.config.head, SoftmaxConfig) and ANY in configuration.first.scores[TEST]
