"""The rivals, in the environments that ``benchmarks/make_rivals.py`` makes."""

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
"""Rivals that tag sentences, with the environment and the options of each."""
SPACY = ("spaCy", "spaCy, use_blis=False")


class RivalEnvironment(msgspec.Struct, frozen=True):
    """A rival's environment, as make_rivals.py lists it."""

    python: str
    script: str
    failed: str = ""
    """The reason that it could not be installed."""


@dataclass(frozen=True)
class Rivals:
    """The rivals that a folder lists."""

    folder: Path
    environments: dict[str, RivalEnvironment]

    @classmethod
    def at(cls, folder: Path) -> Rivals:
        """Return the rivals in a folder; none if there is no such folder.

        Raises:
            DataError: the listing was not written by make_rivals.py.
        """
        listing = folder / LISTING
        if not listing.exists():
            return cls(folder, {})
        try:
            return cls(folder, msgspec.json.decode(listing.read_bytes(), type=dict[str, RivalEnvironment]))
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise DataError(str(error), "what benchmarks/make_rivals.py writes", source=str(listing)) from None

    def entrant(self, environment: str, options: dict[str, Any]) -> Entrant:
        """Return a rival ready to run.

        Raises:
            MissingRival: it is not installed, or could not be.
        """
        rival = self.environments.get(environment)
        if rival is None:
            command = f"python benchmarks/make_rivals.py {self.folder} {environment}"
            raise MissingRival(f"not installed; make its environment with: {command}")
        if rival.failed:
            raise MissingRival(f"could not be installed: {rival.failed}")
        return Entrant(rival.script, options, rival.python)
