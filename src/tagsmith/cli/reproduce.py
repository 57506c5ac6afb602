"""tagsmith reproduce"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tagsmith.errors import DataError
from tagsmith.extras import require
from tagsmith.machine import cores

if TYPE_CHECKING:
    from tagsmith.reproduce.experiments import SeedRun
    from tagsmith.reproduce.results import Results

_ALL = "tasks"
_MOST_SEEDS = 1_000


class _Seeds(click.ParamType):
    """Whole numbers and ranges of them, such as 1-3,7."""

    name = "seeds"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> list[int]:
        if not re.fullmatch(r"\d+(-\d+)?(,\d+(-\d+)?)*", value):
            self.fail(f"{value!r} is not a list of numbers and ranges, such as 1-3,7.", param, ctx)
        ends = [part.partition("-") for part in value.split(",")]
        ranges = [range(int(first), int(last or first) + 1) for first, _, last in ends]
        if not all(ranges):
            self.fail(f"{value!r} has a range that runs backwards.", param, ctx)
        if sum(map(len, ranges)) > _MOST_SEEDS:
            self.fail(f"{value!r} is more than {_MOST_SEEDS:,} seeds.", param, ctx)
        return list(dict.fromkeys(seed for each in ranges for seed in each))


@click.command("reproduce")
@click.argument("table", required=False)
@click.option("--data", metavar="DIR", help="The folder of the corpora.")
@click.option(
    "--vectors", multiple=True, metavar="FILE", help="Word vectors. If repeated, every row runs with each of them."
)
@click.option("--task", metavar="TASK", help="The task to run the rows of a table on.  [default: ner]")
@click.option("--seeds", type=_Seeds(), default="1-5", show_default=True, metavar="LIST", help="Seeds, such as 1-3,7.")
@click.option(
    "--jobs",
    type=click.IntRange(min=1),
    metavar="N",
    help="Number of runs at the same time, each on one core.  [default: the number of cores]",
)
@click.option(
    "--device", default="cpu", show_default=True, help="cpu, or cuda: all seeds of a row at the same time on one GPU."
)
@click.option("--epochs", type=click.IntRange(min=1), metavar="N", help="Cut every run to N epochs.")
@click.option(
    "--results",
    default="reproduction",
    show_default=True,
    metavar="FOLDER",
    help="The folder for records and predictions.",
)
@click.option("--dry-run", is_flag=True, help="Only list the runs and which of them are done.")
@click.option("--report", metavar="FILE", help="Write all records to FILE (Markdown), and as HTML next to it.")
@click.option("--list", "as_list", is_flag=True, help="Print all tables with their rows, and all tasks.")
def command(
    table: str | None,
    data: str | None,
    vectors: tuple[str, ...],
    task: str | None,
    seeds: list[int],
    jobs: int | None,
    device: str,
    epochs: int | None,
    results: str,
    dry_run: bool,
    report: str | None,
    as_list: bool,
) -> None:
    """Run the paper's tables on your data: each row, each seed.

    \b
    Example:
      tagsmith reproduce ablation --data corpora --vectors glove.6B.100d.txt.gz --seeds 1-5
      tagsmith reproduce ner --data corpora --vectors glove.6B.100d.txt.gz --epochs 5
      tagsmith reproduce --report results.md
      tagsmith reproduce --list

    TABLE is a table of the paper, or a task, which means the paper's model on that task; "tasks" is every task whose
    corpus is found. A finished run is a record in the results folder. It is identified by its content (settings, files,
    seed), so no run is repeated for another table. To resume runs that were cut off, by Ctrl-C or otherwise, run the
    same command again. The exit code is 1 if a run failed; the other runs are finished all the same. --report needs
    only the records. It compares means and standard deviations over seeds with the paper's figures, and shows learning
    curves, significance, and the runs still to do.
    """
    from tagsmith.reproduce.results import Results

    if as_list:
        click.echo(_listing(), nl=False)
        return
    if report is not None:
        _report(report, table, Results(Path(results)))
        return
    if table is None or data is None:
        raise click.UsageError("give a TABLE and --data DIR; --list names the tables")
    _check_device(device, jobs)
    runs = _plan(table, task, Path(data), vectors, seeds, epochs)
    folder = Results(Path(results))
    failures = 0 if dry_run else _run(runs, folder, jobs, device, with_vectors=bool(vectors))
    click.echo(_outcome(runs, folder), nl=False)
    if failures:
        raise SystemExit(1)


def _check_device(device: str, jobs: int | None) -> None:
    from tagsmith.engine import check_device

    check_device(device)
    if _on_gpu(device) and jobs:
        raise click.UsageError("--jobs is for cores; a GPU runs all seeds of a row at the same time, row by row")


def _on_gpu(device: str) -> bool:
    return device.startswith("cuda")


def _run(runs: list[SeedRun], folder: Results, jobs: int | None, device: str, *, with_vectors: bool) -> int:
    """Do the runs that have no record yet, and return how many failed."""
    from tagsmith.reproduce.progress import RunProgress
    from tagsmith.reproduce.runs import run_all

    waiting = [run for run in runs if folder.find(run.experiment) is None]
    if not waiting:
        return 0
    require("torch", "PyTorch", "train")
    if not with_vectors and any(run.experiment.vectors is None for run in waiting):
        click.echo("no --vectors: word vectors start at random", err=True)
    workers = 1 if _on_gpu(device) else jobs or len(cores()) or os.cpu_count() or 1
    try:
        with RunProgress(len(runs) - len(waiting), len(runs)) as view:
            return run_all(waiting, folder, workers, view, device)
    except KeyboardInterrupt:
        click.echo("stopped; run the same command again to resume", err=True)
        raise SystemExit(1) from None


def _report(file: str, table: str | None, results: Results) -> None:
    from tagsmith.reproduce.report.writing import write_report

    if table is not None:
        raise click.UsageError("--report covers all records; omit TABLE")
    path = Path(file)
    if path.suffix != ".md":
        raise click.UsageError(f"--report {file}: expected a name that ends in .md")
    write_report(results, path)
    click.echo(f"{path}\n{path.with_suffix('.html')}")


def _plan(
    table: str, task: str | None, data: Path, vectors: tuple[str, ...], seeds: list[int], epochs: int | None
) -> list[SeedRun]:
    """Return the runs of a table, each experiment once; for all tasks, those whose files are found."""
    from tagsmith.reproduce.planning import plan
    from tagsmith.reproduce.tables import MODEL, TABLES, TASKS

    if table not in (_ALL, *TABLES, *TASKS):
        raise click.UsageError(f"{table!r} is not a table; expected one of: {', '.join((*TABLES, *TASKS, _ALL))}")
    if task not in (None, *TASKS):
        raise click.UsageError(f"{task!r} is not a task; expected one of: {', '.join(TASKS)}")
    if task is not None and table not in TABLES:
        raise click.UsageError("--task goes with a table")
    rows = TABLES[table].rows if table in TABLES else (MODEL,)
    names = _tasks_in(data) if table == _ALL else [task or ("ner" if table in TABLES else table)]
    runs = [run for name in names for run in plan(rows, name, TASKS[name], data, vectors, seeds, epochs)]
    return list({run.experiment.key: run for run in reversed(runs)}.values())[::-1]


def _tasks_in(data: Path) -> list[str]:
    """Return the tasks whose files are found, and print which are not."""
    from tagsmith.reproduce.planning import task_files
    from tagsmith.reproduce.tables import TASKS

    found = []
    for name, task in TASKS.items():
        try:
            task_files(task, data)
            found.append(name)
        except DataError as error:
            click.echo(f"left out {name}: {error}", err=True)
    if not found:
        raise DataError("the files of no task", "those of one at least", source=str(data))
    return found


def _outcome(runs: list[SeedRun], results: Results) -> str:
    """Return a line for each run: its key, its scores if it is done (test also without constraints), its name."""
    from tagsmith.reproduce.tables import DEV, TEST

    lines = [f"{'record':16}  {'dev':>6}  {'test':>6}  {'test, no constraints':>20}  run"]
    for run in runs:
        record = results.find(run.experiment)
        figures = [(DEV, "scheme"), (TEST, "scheme"), (TEST, "none")]
        scores = ["-" if record is None else f"{record.score(*figure):.2f}" for figure in figures]
        begun = ", begun" if record is None and results.work(run.experiment.key).exists() else ""
        lines.append(f"{run.experiment.key}  {scores[0]:>6}  {scores[1]:>6}  {scores[2]:>20}  {run.name}{begun}")
    return "\n".join([*lines, ""])


def _listing() -> str:
    """Return all tables with their rows, and all tasks."""
    from tagsmith.reproduce.tables import TABLES, TASKS

    lines = []
    for name, table in TABLES.items():
        lines += [f"tagsmith reproduce {name}", f"    {table.title}"]
        for row in table.rows:
            settings = " ".join(f"{setting}={value}" for setting, value in row.settings.items())
            notes = [settings] * bool(settings) + ["without --vectors"] * (not row.vectors)
            lines.append(f"      {row.name}{': ' if notes else ''}{', '.join(notes)}")
    for name, task in TASKS.items():
        corpora = ", ".join([task.corpus, *(corpus for corpus, _ in task.also.values())])
        lines += [f"tagsmith reproduce {name}", f"    {task.title}: {corpora}"]
    return "\n".join([*lines, ""])
