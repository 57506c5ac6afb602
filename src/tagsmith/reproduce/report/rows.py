"""The rows of a report's tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tagsmith.reproduce.report.blocks import Series
from tagsmith.reproduce.report.configurations import ANY, LEGAL, Configuration
from tagsmith.reproduce.tables import TEST, PaperRow


@dataclass(frozen=True)
class ReportRow:
    """A table row: the scores of a configuration over all tag sequences or over the legal ones."""

    paper_row: PaperRow
    model: str
    """The name of the paper's row, with the vectors if the table has several."""
    configuration: Configuration
    constraints: str

    @property
    def name(self) -> str:
        """The model; for a softmax over spans, also the tag sequences it chooses from."""
        if not self.configuration.is_softmax_over_spans:
            return self.model
        return f"{self.model}, {'all sequences' if self.constraints == ANY else 'legal sequences'}"

    @property
    def is_reference(self) -> bool:
        """True if the other rows are compared with it, as it is the unchanged preset."""
        return not self.paper_row.settings and self.paper_row.vectors

    @property
    def paper(self) -> Mapping[str, float]:
        """The paper's scores for this row, by split and vocabulary class.

        Empty for files other than the corpus, for random vectors unless the row asks for them, and for a softmax over
        legal sequences, since the paper's softmax models choose from all sequences.
        """
        configuration = self.configuration
        if not configuration.is_of_the_corpus or (self.paper_row.vectors and not configuration.vectors):
            return {}
        if self.constraints == LEGAL and configuration.is_softmax_over_spans:
            return {}
        task = f"{configuration.task} "
        scores = self.paper_row.paper.items()
        return {name.removeprefix(task): score for name, score in scores if name.startswith(task)}

    def scores(self, split: str) -> list[float]:
        """Return the scores of a split, by seed."""
        return self.configuration.scores(split, self.constraints)

    def series(self, name: str) -> Series:
        """Return what a chart shows of the row. Dev curves exist for legal sequences only."""
        configuration = self.configuration
        scores = zip(configuration.seeds, self.scores(TEST), strict=True)
        records = configuration.records if self.constraints == LEGAL else ()
        curves = tuple(tuple(epoch.dev_score for epoch in record.epochs) for record in records)
        return Series(name, tuple(scores), curves, self.paper.get(TEST))


def rows_of(paper_rows: Sequence[PaperRow], configurations: Sequence[Configuration]) -> list[ReportRow]:
    """Return the rows of a table. A softmax over spans has two, one for each kind of constraints.

    A configuration without vectors belongs to a row without vectors if there is one.
    """
    pairs = [(row, one) for row in paper_rows for one in configurations if _row_of(one, paper_rows) is row]
    several = len({one.vectors_name for row, one in pairs if row.vectors}) > 1
    return [
        ReportRow(
            row, f"{row.name}, vectors {one.vectors_name}" if several and row.vectors else row.name, one, constraints
        )
        for row, one in pairs
        for constraints in ((ANY, LEGAL) if one.is_softmax_over_spans else (LEGAL,))
    ]


def _row_of(configuration: Configuration, rows: Sequence[PaperRow]) -> PaperRow | None:
    return next((row for row in sorted(rows, key=lambda row: row.vectors) if configuration.is_of(row)), None)
