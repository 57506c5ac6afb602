"""The progress of a training on a terminal: a line about the data, a bar, and a line for each epoch."""

from __future__ import annotations

from collections import deque
from typing import IO, Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from tagsmith.embeddings import FORMATS, Coverage
from tagsmith.training.history import Epoch

_EXPLODED = 1000  # times the loss of the first epoch


class ProgressBar:
    """The progress of a training as text. The bar itself is shown only on a terminal."""

    def __init__(self, file: IO[str] | None = None) -> None:
        """
        Args:
            file: where to print. Unset: stderr.
        """
        self.console = Console(stderr=True, file=file, highlight=False, soft_wrap=True)
        self.progress = Progress(
            TextColumn("epoch {task.fields[epoch]}"),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f} %  loss {task.fields[loss]:.3f}  {task.fields[speed]} tokens/s"),
            TimeRemainingColumn(),
            TextColumn("left"),
            console=self.console,
            disable=not self.console.is_terminal,
            transient=True,
        )
        self.losses: deque[float] = deque(maxlen=100)
        self.first_loss = 0.0

    def started(self, facts: dict[str, Any]) -> None:
        """Print what the training reads, and show the bar."""
        dev = facts["dev_sentences"]
        sizes = f"{facts['train_sentences']:,} sentences, {facts['train_tokens']:,} tokens"
        self.say(f"training on {sizes}; {'no dev file' if dev is None else f'{dev:,} sentences for dev'}")
        if unseen := facts["unseen_labels"]:
            self.say(f"labels in dev that are not in the training data, so never predicted: {' '.join(unseen)}")
        if vectors := facts["vectors"]:
            form = f" ({FORMATS[vectors['form']].title})" if vectors["form"] else ""
            self.say(f"vectors for {vectors['words']:,} words{form}; of the {Coverage(**vectors['coverage'])}")
            if vectors["repeated"]:
                self.say(
                    f"{vectors['repeated']:,} rows of the vectors repeat a word; the first row of each word is used"
                )
        if resumed := facts["resumed"]:
            done = f"{resumed['epochs']} epochs and {resumed['steps']} steps of the next are done"
            done += f", {resumed['seconds']:,.0f} s of training"
            found = resumed["checkpoint"]
            self.say(f"resuming from the checkpoint: {done}" if found else "no checkpoint: training from the beginning")
            for note in resumed["notes"]:
                self.say(note)
        for line in facts.get("inherited", ()):
            self.say(line)
        if dev is None:
            self.say("without a dev file there is no early stopping, and the last epoch is kept")
        self.epochs = facts["config"]["training"]["epochs"]
        self.tokens = facts["train_tokens"]
        self.task = self.progress.add_task("", total=self.tokens * self.epochs, epoch="1", loss=0.0, speed="")
        self.progress.start()

    def stepped(self, epoch: int, loss: float, tokens: int) -> None:
        """Advance the bar."""
        self.losses.append(loss)
        mean = sum(self.losses) / len(self.losses)
        speed = self.progress.tasks[0].speed
        self.progress.update(
            self.task, advance=tokens, epoch=f"{epoch}/{self.epochs}", loss=mean, speed=f"{speed or 0:,.0f}"
        )

    def finished_epoch(self, epoch: Epoch) -> None:
        """Print the line of an epoch."""
        self.progress.update(self.task, completed=epoch.number * self.tokens)
        text = f"epoch {epoch.number:>3}  loss {epoch.loss:7.4f}  {epoch.tokens_per_second:>7,.0f} tokens/s"
        if epoch.dev is not None:
            text += f"  dev {_scores(epoch)}"
        self.say(text + ("  best" if epoch.best and epoch.dev is not None else ""))
        self.first_loss = epoch.loss if epoch.number == 1 else self.first_loss
        if epoch.loss > _EXPLODED * self.first_loss > 0:
            times = f"{epoch.loss / self.first_loss:,.0f} times that of the first epoch"
            self.say(f"the loss is {times}: a lower training.learning_rate may help")

    def finished(self) -> None:
        """Remove the bar."""
        self.progress.stop()

    def say(self, text: str) -> None:
        """Print a line above the bar."""
        self.console.print(text, markup=False)


def _scores(epoch: Epoch) -> str:
    scores = epoch.dev
    if scores is None:
        return ""
    if not scores.spans:
        return f"accuracy {scores.accuracy:.2f}"
    overall = scores.overall
    return f"P {overall.precision:.2f}  R {overall.recall:.2f}  F1 {overall.f1:.2f}"
