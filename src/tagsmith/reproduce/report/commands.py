"""The commands in a report."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tagsmith.reproduce.report.configurations import Configuration
from tagsmith.reproduce.report.formatting import number_ranges
from tagsmith.reproduce.tables import TABLES


def reproduce_command(table: str, task: str, configurations: Iterable[Configuration], seeds: Sequence[int]) -> str:
    """Return the command that runs a table or task with the vectors, seeds and epochs of some configurations.

    Args:
        table: a table, a task, or a placeholder for one.
        task: the task to run a table on.
    """
    configurations = list(configurations)
    words = ["tagsmith reproduce", table]
    words += ["--task", task] * (table in TABLES and task != "ner")
    words += ["--data", "DIR"]
    for name in dict.fromkeys(one.vectors.name for one in configurations if one.vectors):
        words += ["--vectors", name]
    words += ["--seeds", number_ranges(seeds)]
    cuts = {one.epochs for one in configurations if one.cut}
    if len(cuts) == 1 and table in TABLES:
        words += ["--epochs", str(*cuts)]
    return " ".join(words)
