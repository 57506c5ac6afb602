"""Tables of transitions for people to read."""

from __future__ import annotations

import sys

import click
from rich.console import Console
from rich.text import Text

from tagsmith.quality.transitions import TransitionMatrix

STRONGEST = 8
"""The number of strongest and of weakest steps listed; a page lists more."""
_WIDEST = 320  # columns of a heat map if stdout is not a terminal


def print_transitions(transitions: TransitionMatrix | None) -> None:
    """Print the heat map, the strongest and weakest steps, and the forbidden ones."""
    if transitions is None:
        click.echo("\nno transitions: a softmax scores every word's tag on its own")
        return
    _print_map(transitions)
    click.echo("\n".join(["", *_extremes(transitions), "", *_forbidden(transitions)]))


def _print_map(transitions: TransitionMatrix) -> None:
    """Print one row for each tag before and one column for each tag after, coloured on a terminal.

    Where the scores do not fit, their signs are printed.
    """
    click.echo("\ntransitions: from a tag (down) to the next (across); · is never taken")
    if transitions.by_word:
        click.echo("(of bigram potentials: the biases, the part of a step's score that does not depend on the word)")
    names = [f"{name} {number:2}" for number, name in enumerate(transitions.rows, 1)]
    left = max(map(len, names))
    console = Console(highlight=False)
    available = console.width if sys.stdout.isatty() else _WIDEST
    width = next((width for width in (5, 3) if left + width * len(names) <= available), None)
    if width is None:
        needed = left + 3 * len(names)
        click.echo(f"(the heat map needs {needed} columns, of which there are {available}; --picture OUT.html has it)")
        return
    click.echo(
        " " * left + "".join(f"{number:{width}}" for number in range(1, len(names))) + f"{'end':>{max(width, 4)}}"
    )
    shades = (255 * transitions.shades()).round().astype(int).tolist()
    for i, name in enumerate(names):
        line = Text(f"{name:>{left}}")
        for j, shade in enumerate(shades[i]):
            score = transitions.scores[i, j]
            shown = f"{score:z.1f}" if width == 5 else "-+"[int(score > 0)]
            cell = shown if transitions.allowed[i, j] else "·"
            line.append(f"{cell:>{width}}", style="black on rgb({},{},{})".format(*shade))
        console.print(line, soft_wrap=True)


def _extremes(transitions: TransitionMatrix) -> list[str]:
    """Return the strongest steps next to the weakest."""
    ranked = transitions.ranked()
    steps = [(f"{step.before} → {step.after}", f"{step.score:z6.2f}") for step in ranked]
    width = max(10, *(len(name) for name, _ in steps))
    lines = [f"{'strongest':{width}}   score   {'weakest':{width}}   score"]
    for (strong, high), (weak, low) in list(zip(steps, reversed(steps), strict=True))[:STRONGEST]:
        lines.append(f"{strong:{width}}  {high}   {weak:{width}}  {low}")
    return lines


def _forbidden(transitions: TransitionMatrix) -> list[str]:
    """Return the forbidden steps by the letters of their tags."""
    lines = ["forbidden: {:,} of {:,} steps".format(*transitions.count_forbidden())]
    table = [("after", "never", "not of another label", "not of the same label")]
    table += [(row.before, *(" ".join(letters) or "-" for letters in row[1:])) for row in transitions.forbidden()]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    rows = ("  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)) for row in table)
    return [*lines, *(row.rstrip() for row in rows)] if len(table) > 1 else lines
