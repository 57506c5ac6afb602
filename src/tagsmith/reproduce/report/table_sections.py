"""The sections that show the paper's tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tagsmith.quality.vocabulary_classes import VOCABULARY_CLASSES
from tagsmith.reproduce.report.blocks import Chart, Grid, Section
from tagsmith.reproduce.report.commands import reproduce_command
from tagsmith.reproduce.report.comparison import compare
from tagsmith.reproduce.report.configurations import Configuration
from tagsmith.reproduce.report.formatting import mean_and_spread, number_ranges, score_list, score_or_missing
from tagsmith.reproduce.report.rows import ReportRow, rows_of
from tagsmith.reproduce.tables import DEV, TABLES, TASKS, TEST, TRAIN, PaperTable


def table_sections(configurations: Sequence[Configuration]) -> list[Section]:
    """Return a section for each table, and each group of comparable configurations, with more than the reference."""
    sections = []
    for name, table in TABLES.items():
        compares_vectors = not all(row.vectors for row in table.rows)
        suited = [one for one in configurations if TASKS[one.task].vectors or not compares_vectors]
        for group in comparable(suited, across_vectors=compares_vectors):
            rows = rows_of(table.rows, group)
            if any(not row.is_reference for row in rows):
                sections.append(_table_section(name, table, rows))
    return sections


def comparable(configurations: Iterable[Configuration], *, across_vectors: bool) -> list[list[Configuration]]:
    """Group the configurations of one task with the same files, number of epochs and, unless across them, vectors."""
    groups: dict[tuple[object, ...], list[Configuration]] = {}
    for one in configurations:
        vectors = None if across_vectors else one.vectors and one.vectors.sha256
        groups.setdefault((one.task, one.epochs, vectors, tuple(sorted(one.files.items()))), []).append(one)
    return list(groups.values())


def missing_tables_section(configurations: Sequence[Configuration]) -> list[Section]:
    """Return a section for the tables of which only the full model was run on ``ner``; none if there are no such."""
    ner = [one for one in configurations if one.task == "ner"]
    missing = [name for name, table in TABLES.items() if all(row.is_reference for row in rows_of(table.rows, ner))]
    if not missing:
        return []
    titles = "; ".join(f"{name}: {TABLES[name].title}" for name in missing)
    seeds = sorted({seed for one in ner for seed in one.seeds}) or [1]
    command = reproduce_command("TABLE", "ner", ner, seeds)
    return [Section("Tables not run yet", (f"{titles}. Run each by name:",), command)]


def _table_section(name: str, table: PaperTable, rows: Sequence[ReportRow]) -> Section:
    configurations = list(dict.fromkeys(row.configuration for row in rows))
    first = configurations[0]
    seeds = sorted({seed for row in rows for seed in row.configuration.seeds})
    missing = _missing_runs(table, rows, seeds)
    names = {one.vectors_name for one in configurations}
    vectors = f", vectors {names.pop()}" if len(names) == 1 else ""
    summary = "; ".join(dict.fromkeys(one.summary for one in configurations))
    return Section(
        title=f"{table.title}: {first.title}{vectors}",
        paragraphs=(f"Run with {summary}.", *([f"Still to run: {missing}."] if missing else [])),
        command=reproduce_command(name, first.task, configurations, seeds),
        grids=tuple(_grids(table, rows)),
        charts=(Chart(table.title, tuple(row.series(row.name) for row in rows)),),
    )


def _grids(table: PaperTable, rows: Sequence[ReportRow]) -> list[Grid]:
    if any(key.split()[-1] in VOCABULARY_CLASSES for row in table.rows for key in row.paper):
        return [_class_scores(rows)]  # another table compares these models as a whole
    reference = next((row for row in rows if row.is_reference), None)
    return [_scores(rows), *([compare(rows, reference)] if reference else [])]


def _scores(rows: Sequence[ReportRow]) -> Grid:
    """Return the scores of dev, test, further files, and train if the paper has it."""
    further = [split for split in rows[0].configuration.first.parts if split not in (TRAIN, DEV, TEST)]
    train = [TRAIN] * any(TRAIN in row.paper for row in rows)
    splits = [*train, DEV, TEST, *further]
    columns = ["model", "seeds"]
    for split in splits:
        columns += [split] if split in further else [split, f"paper, {split}"]
    lines = []
    for row in rows:
        cells = [row.name, number_ranges(row.configuration.seeds)]
        for split in splits:
            cells.append(mean_and_spread(row.scores(split)))
            if split not in further:
                cells.append(score_or_missing(row.paper.get(split)))
        lines.append((*cells, score_list(row.scores(TEST))))
    return Grid((*columns, "test by seed"), lines)


def _class_scores(rows: Sequence[ReportRow]) -> Grid:
    """Return the test scores by vocabulary class, with the number of spans in each."""
    columns = ["model", "seeds", f"spans in test: {' / '.join(VOCABULARY_CLASSES)}"]
    for name in VOCABULARY_CLASSES:
        columns += [name, f"paper, {name}"]
    lines = []
    for row in rows:
        records = row.configuration.records
        score = "recall" if records[0].config.is_plain else "f1"
        classes = [record.scores[TEST][row.constraints]["vocabulary"] for record in records]
        spans = " / ".join(f"{classes[0][name]['gold']:,}" for name in VOCABULARY_CLASSES)
        cells = [row.name, number_ranges(row.configuration.seeds), spans]
        for name in VOCABULARY_CLASSES:
            cells.append(mean_and_spread([of_seed[name][score] for of_seed in classes]))
            cells.append(score_or_missing(row.paper.get(f"{TEST} {name}")))
        lines.append(tuple(cells))
    meanings = "; ".join(f"{name}: {meaning}" for name, meaning in VOCABULARY_CLASSES.items())
    return Grid(tuple(columns), lines, title=f"Test by vocabulary class ({meanings})")


def _missing_runs(table: PaperTable, rows: Sequence[ReportRow], seeds: Sequence[int]) -> str:
    """Name the rows that lack some of the seeds that other rows have."""
    missing = {row.name: list(seeds) for row in table.rows if not any(other.paper_row is row for other in rows)}
    for row in rows:
        if absent := [seed for seed in seeds if seed not in row.configuration.seeds]:
            missing[row.model] = absent
    return "; ".join(f"{name} (seeds {number_ranges(absent)})" for name, absent in missing.items())
