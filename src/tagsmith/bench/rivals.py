"""The rivals, in the environments that ``benchmarks/make_rivals.py`` made."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from tagsmith.bench.measurements import MissingRival
from tagsmith.bench.workers import Entrant
from tagsmith.errors import DataError

LISTING = "rivals.json"
USUAL, TUTORIAL = "python-crfsuite", "python-crfsuite, few features"
TAGGERS: dict[str, tuple[str, dict[str, Any]]] = {
    "spaCy": ("spacy", {"blis": True}),
    "spaCy, use_blis=False": ("spacy", {"blis": False}),
    USUAL: ("crfsuite", {"features": "usual"}),
    TUTORIAL: ("crfsuite", {"features": "tutorial"}),
    "Flair": ("flair", {}),
}
"""Rivals that tag sentences: the environment and the settings of each."""
SPACY = ("spaCy", "spaCy, use_blis=False")


class Listed(msgspec.Struct, frozen=True):
    """What make_rivals.py says of a rival."""

    python: str
    script: str
    failed: str = ""
    """Why it could not be installed."""


@dataclass(frozen=True)
class Rivals:
    """The rivals there are."""

    folder: Path
    listed: dict[str, Listed]

    @classmethod
    def at(cls, folder: Path) -> Rivals:
        """Those listed in a folder; none where there is no such folder.

        Raises:
            DataError: a listing that make_rivals.py did not write.
        """
        listing = folder / LISTING
        if not listing.exists():
            return cls(folder, {})
        try:
            return cls(folder, msgspec.json.decode(listing.read_bytes(), type=dict[str, Listed]))
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise DataError(str(error), "what benchmarks/make_rivals.py writes", source=str(listing)) from None

    def entrant(self, environment: str, options: dict[str, Any]) -> Entrant:
        """A rival ready to run.

        Raises:
            Missing: it is not there, or could not be installed.
        """
        rival = self.listed.get(environment)
        if rival is None:
            command = f"python benchmarks/make_rivals.py {self.folder} {environment}"
            raise MissingRival(f"not installed; make its environment with: {command}")
        if rival.failed:
            raise MissingRival(f"could not be installed: {rival.failed}")
        return Entrant(rival.script, options, rival.python)
