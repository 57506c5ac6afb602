"""HTML pages and pictures that commands write besides what they print."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from tagsmith.cli.printing.streams import output
from tagsmith.errors import DataError
from tagsmith.extras import require
from tagsmith.files import check_distinct, check_writable

if TYPE_CHECKING:
    from tagsmith.quality.calibration import CalibrationReport
    from tagsmith.quality.mistakes import ErrorAnalysis
    from tagsmith.quality.transitions import TransitionMatrix

PAGE, PAGE_OR_PICTURE = (".html",), (".html", ".png")


def check_page_path(path: str, endings: tuple[str, ...], *inputs: str | None) -> None:
    """Check, before long work, that a page (.html) or a picture (.png) can be written to a path.

    Raises:
        DataError: another ending, a path that can't be written to, or one of the input files.
        MissingExtra: a picture, without matplotlib.
    """
    check_writable(path)
    check_distinct(path, *inputs)
    if not path.lower().endswith(endings):
        raise DataError("a name of another ending", f"one that ends in {' or '.join(endings)}", source=path)
    if _is_picture(path):
        require("matplotlib", "matplotlib", "train")


def write_transitions(transitions: TransitionMatrix, title: str, path: str) -> None:
    """Write the heat map of transitions, as a page or a picture."""
    if _is_picture(path):
        from tagsmith.quality.pictures import draw_transitions

        draw_transitions(transitions, title, Path(path))
    else:
        from tagsmith.quality.html_pages import transitions_page

        _write(transitions_page(transitions, title), path)
    click.echo(f"wrote {path}", err=True)


def write_reliability(report: CalibrationReport, title: str, path: str) -> None:
    """Write the reliability diagrams, as a page or a picture."""
    if _is_picture(path):
        from tagsmith.quality.pictures import draw_reliability

        draw_reliability(report, title, Path(path))
    else:
        from tagsmith.quality.html_pages import reliability_page

        _write(reliability_page(report, title), path)
    click.echo(f"wrote {path}", err=True)


def write_errors(analysis: ErrorAnalysis, title: str, path: str) -> None:
    """Write the page of the errors."""
    from tagsmith.quality.html_pages import errors_page

    _write(errors_page(analysis, title), path)
    click.echo(f"wrote {path}", err=True)


def _is_picture(path: str) -> bool:
    return path.lower().endswith(".png")


def _write(page: str, path: str) -> None:
    with output(path) as file:
        file.write(page)
