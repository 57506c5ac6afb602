"""The progress of runs on stderr: at a terminal a bar for each run, elsewhere a line for each start and end."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from tagsmith.reproduce.experiments import SeedRun
from tagsmith.reproduce.records import EpochRecord, Record
from tagsmith.reproduce.tables import DEV, TEST

_SHOWN = 10  # lines of a failed run's output


class RunProgress:
    """A watcher that shows runs to a person."""

    def __init__(self, done: int, total: int) -> None:
        self.console = Console(stderr=True, highlight=False, soft_wrap=True)
        self.progress = Progress(
            TextColumn("{task.description}"),
            MofNCompleteColumn(),
            TextColumn("{task.fields[dev]}"),
            TimeElapsedColumn(),
            console=self.console,
            disable=not self.console.is_terminal,
        )
        self.done, self.total = done, total
        self.all = self.progress.add_task("all runs", total=total, completed=done, dev="")
        self.tasks: dict[str, TaskID] = {}

    def __enter__(self) -> RunProgress:
        self.progress.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.progress.stop()

    def started(self, run: SeedRun) -> None:
        """Add a bar for the run."""
        epochs = run.experiment.config.training.epochs
        self.tasks[run.experiment.key] = self.progress.add_task(run.name, total=epochs, dev="")
        self._print(f"started {run.name}")

    def at_epoch(self, run: SeedRun, epoch: EpochRecord) -> None:
        """Move the run's bar to the epoch."""
        measure = "accuracy" if run.experiment.config.is_plain else "F1"
        dev = f"dev {measure} {epoch.dev_score:.2f}"
        self.progress.update(self.tasks[run.experiment.key], completed=epoch.number, dev=dev)

    def finished(self, run: SeedRun, record: Record) -> None:
        """Remove the run's bar and print its scores."""
        self._remove(run)
        self.done += 1
        self.progress.update(self.all, completed=self.done)
        epochs = f"epoch {record.best_epoch} of {len(record.epochs)}"
        scores = f"dev {record.score(DEV):.2f}, test {record.score(TEST):.2f}"
        self._print(f"finished {run.name}: {scores} ({epochs}); {self.done} of {self.total} done")

    def failed(self, run: SeedRun, lines: Sequence[str], log: Path) -> None:
        """Remove the run's bar and print the end of its output."""
        self._remove(run)
        self._print("\n  ".join([f"failed {run.name}; the end of {log}:", *lines[-_SHOWN:]]))

    def _remove(self, run: SeedRun) -> None:
        self.progress.remove_task(self.tasks.pop(run.experiment.key))

    def _print(self, text: str) -> None:
        self.console.print(text, markup=False)
