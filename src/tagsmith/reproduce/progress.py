"""What a person sees of runs, on stderr: at a terminal a line for each that is going on, elsewhere only what ended."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from tagsmith.reproduce.experiments import SeedRun
from tagsmith.reproduce.records import Record
from tagsmith.reproduce.tables import DEV, TEST

_EPOCH = re.compile(r"epoch +(\d+) .*dev .*?((?:F1|accuracy) [\d.]+)")
_SHOWN = 10  # lines of a failed run


class RunProgress:
    """Watches runs for a person."""

    def __init__(self, done: int, total: int) -> None:
        self.console = Console(stderr=True, highlight=False, soft_wrap=True)
        self.progress = Progress(
            TextColumn("{task.description}"),
            MofNCompleteColumn(),
            TextColumn("{task.fields[said]}"),
            TimeElapsedColumn(),
            console=self.console,
            disable=not self.console.is_terminal,
        )
        self.done, self.total = done, total
        self.all = self.progress.add_task("all runs", total=total, completed=done, said="")
        self.tasks: dict[str, TaskID] = {}

    def __enter__(self) -> RunProgress:
        self.progress.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.progress.stop()

    def started(self, run: SeedRun) -> None:
        """Add its line."""
        epochs = run.experiment.config.training.epochs
        self.tasks[run.experiment.key] = self.progress.add_task(run.name, total=epochs, said="")
        self._say(f"started {run.name}")

    def said(self, run: SeedRun, line: str) -> None:
        """Move its bar to the epoch it speaks of."""
        if found := _EPOCH.match(line):
            self.progress.update(self.tasks[run.experiment.key], completed=int(found[1]), said=f"dev {found[2]}")

    def finished(self, run: SeedRun, record: Record) -> None:
        """Take its line away, and say what came out."""
        self._remove(run)
        self.done += 1
        self.progress.update(self.all, completed=self.done)
        epochs = f"epoch {record.best_epoch} of {len(record.epochs)}"
        scores = f"dev {record.score(DEV):.2f}, test {record.score(TEST):.2f}"
        self._say(f"finished {run.name}: {scores} ({epochs}); {self.done} of {self.total} done")

    def failed(self, run: SeedRun, lines: Sequence[str], log: Path) -> None:
        """Take its line away, and say what went wrong."""
        self._remove(run)
        self._say("\n  ".join([f"failed {run.name}; the end of {log}:", *lines[-_SHOWN:]]))

    def _remove(self, run: SeedRun) -> None:
        self.progress.remove_task(self.tasks.pop(run.experiment.key))

    def _say(self, text: str) -> None:
        self.console.print(text, markup=False)
