"""HTML pages of what the other modules here find. A page needs nothing but itself."""

from __future__ import annotations

import jinja2

from tagsmith.formats.html import colour
from tagsmith.quality.transitions import Transitions

_PAGES = jinja2.Environment(
    loader=jinja2.PackageLoader("tagsmith", "quality"), autoescape=True, trim_blocks=True, lstrip_blocks=True
)
_PAGES.globals["colour"] = colour


def transitions_page(transitions: Transitions, title: str) -> str:
    """A page with the heat map of the transitions, the strongest and weakest steps, and those that are forbidden."""
    return _PAGES.get_template("transitions.html.jinja").render(
        title=title,
        transitions=transitions,
        shades=(255 * transitions.shades()).round().astype(int).tolist(),
        ranked=transitions.ranked(),
    )
