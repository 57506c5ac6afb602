"""The section that shows the paper's model on each task, with rivals."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from tagsmith.reproduce.report.blocks import Chart, Grid, Section
from tagsmith.reproduce.report.commands import reproduce_command
from tagsmith.reproduce.report.configurations import Configuration
from tagsmith.reproduce.report.formatting import (
    MISSING,
    mean_and_spread,
    number_ranges,
    score_list,
    score_or_missing,
)
from tagsmith.reproduce.report.rival_scores import RivalScores
from tagsmith.reproduce.report.rows import ReportRow, rows_of
from tagsmith.reproduce.report.table_sections import comparable
from tagsmith.reproduce.tables import DEV, MODEL, TASKS, TEST

_COLUMNS = ("task", "model", "vectors", "seeds", "dev", "test", "paper, test", "test by seed")
_ABOUT_RIVALS = "Rivals were trained on the same files without word vectors, one run each, and scored by the same rule."


def tasks_section(configurations: Sequence[Configuration], rivals: Mapping[str, Sequence[RivalScores]]) -> Section:
    """Return the section of the paper's model on each task."""
    cells, charts = [], []
    for task in TASKS:
        of_task = [one for one in configurations if one.task == task]
        rows = [row for group in comparable(of_task, across_vectors=False) for row in rows_of((MODEL,), group)]
        for row in rows:
            cells.append(_model_cells(row))
            cells += [_also_cells(row, split) for split in TASKS[task].also]
        cells += [_rival_cells(task, rival, of_task) for rival in rivals.get(task, ())]
        if rows:
            charts.append(Chart(TASKS[task].title, tuple(row.series(_chart_name(row)) for row in rows)))
    run = {one.task for one in configurations if one.is_of(MODEL)}
    missing = [task for task in TASKS if task not in run]
    command = reproduce_command(missing[0] if len(missing) == 1 else "TASK", "", configurations, [1])
    return Section(
        title="The paper's model on each task, with rivals",
        paragraphs=(_ABOUT_RIVALS, *([f"Not run yet: {', '.join(missing)}. Run each by name:"] if missing else [])),
        command=command if missing else "",
        grids=(Grid(_COLUMNS, cells),),
        charts=tuple(charts),
    )


def _model_cells(row: ReportRow) -> tuple[str, ...]:
    configuration = row.configuration
    return (
        configuration.title,
        row.paper_row.name,
        configuration.vectors_name,
        number_ranges(configuration.seeds),
        mean_and_spread(row.scores(DEV)),
        mean_and_spread(row.scores(TEST)),
        score_or_missing(row.paper.get(TEST)),
        score_list(row.scores(TEST)),
    )


def _also_cells(row: ReportRow, split: str) -> tuple[str, ...]:
    """Return the cells for the same models on another corpus's file."""
    corpus, file = TASKS[row.configuration.task].also[split]
    scores = mean_and_spread(row.scores(split)), MISSING, score_list(row.scores(split))
    return (f"the same models on {corpus}, {file}", *_model_cells(row)[1:4], MISSING, *scores)


def _chart_name(row: ReportRow) -> str:
    return f"{row.paper_row.name}, {row.configuration.vectors_name}, {row.configuration.epochs} epochs"


def _rival_cells(task: str, rival: RivalScores, configurations: Iterable[Configuration]) -> tuple[str, ...]:
    ours = list(configurations)
    other = "" if not ours or any(rival.used_files(one.files) for one in ours) else ", on other files"
    name = f"rival: {rival.tool} {rival.version}{other}"
    scores = (score_list([rival.score(DEV)]), score_list([rival.score(TEST)]))
    return (f"{TASKS[task].title}, F1", name, MISSING, MISSING, *scores, MISSING, MISSING)
