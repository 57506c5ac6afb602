"""The transition scores that a CRF has learned, and the transitions that decoding forbids."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tagsmith.config import CRFConfig
from tagsmith.schemes import PLAIN, allowed_steps, split_tag
from tagsmith.store import Model
from tagsmith.tensors import Bools, Floats

START, END = "(start)", "(end)"


class Transition(NamedTuple):
    """A step from one tag to the next, and its score."""

    before: str
    after: str
    score: float


class ForbiddenTransitions(NamedTuple):
    """The letters of tags that decoding never puts after tags with a given letter."""

    before: str
    """A letter, O, or the start."""
    never: tuple[str, ...]
    """Those that can't follow with any label."""
    other_label: tuple[str, ...]
    """Those that can't follow with another label."""
    same_label: tuple[str, ...]
    """Those that can't follow with the same label."""


@dataclass(frozen=True)
class TransitionMatrix:
    """The scores of all transitions between K tags, from the start, and to the end."""

    tags: tuple[str, ...]
    scores: Floats
    """Rows are the tags before and the start; columns are the tags after and the end. From the start to the end there
    is no transition, and the score is NaN. Shape: [K + 1, K + 1]."""
    allowed: Bools
    """Whether decoding may take the transition. Shape: [K + 1, K + 1]."""
    by_word: bool
    """Whether scores also depend on the word (bigram potentials). If so, these are the biases, which do not."""

    @property
    def rows(self) -> tuple[str, ...]:
        """The names of the rows: the tags and the start."""
        return *self.tags, START

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns: the tags and the end."""
        return *self.tags, END

    def ranked(self) -> list[Transition]:
        """Return the allowed transitions by descending score."""
        places = np.argwhere(self.allowed)
        scores = self.scores[self.allowed]
        order = np.argsort(-scores, kind="stable")
        return [
            Transition(self.rows[i], self.columns[j], float(score))
            for (i, j), score in zip(places[order].tolist(), scores[order], strict=True)
        ]

    def count_forbidden(self) -> tuple[int, int]:
        """Return the numbers of forbidden transitions and of all transitions."""
        count = self.allowed.size - 1
        return count - int(self.allowed.sum()), count

    def forbidden(self) -> list[ForbiddenTransitions]:
        """Return the forbidden transitions by letter, with all labels together; empty if nothing is forbidden."""
        if self.count_forbidden()[0] == 0:
            return []
        rows, columns = (_parts(self.tags, place) for place in (START, END))
        same = rows[:, 1:] == columns[:, 1]
        found = []
        for before in dict.fromkeys(rows[:, 0].tolist()):
            never, other_label, same_label = [], [], []
            for after in dict.fromkeys(columns[:, 0].tolist()):
                here = np.ix_(rows[:, 0] == before, columns[:, 0] == after)
                allowed, alike = self.allowed[here], same[here]
                if (before, after) == (START, END):
                    continue
                if not allowed.any():
                    never.append(after)
                elif not allowed[~alike].any() and not alike.all():
                    other_label.append(after)
                elif not allowed[alike].any() and alike.any():
                    same_label.append(after)
            found.append(ForbiddenTransitions(before, tuple(never), tuple(other_label), tuple(same_label)))
        return found

    def as_dict(self) -> dict[str, Any]:
        """Return all scores by tag, ready for JSON; null for forbidden transitions."""
        scores = np.where(self.allowed, self.scores, np.nan)
        return {
            "by_word": self.by_word,
            "scores": {
                before: {after: None if np.isnan(x) else float(x) for after, x in zip(self.columns, row, strict=True)}
                for before, row in zip(self.rows, scores, strict=True)
            },
        }

    def shades(self) -> Floats:
        """Return a colour for each transition: blue (low) to white (0) to red (high), and grey if forbidden.

        Shape: [K + 1, K + 1, 3], red, green and blue from 0 to 1.
        """
        top = float(np.abs(self.scores[self.allowed]).max(initial=0.0)) or 1.0
        strength = np.nan_to_num(np.abs(self.scores) / top)[..., None]
        end = np.where((self.scores > 0)[..., None], (0.84, 0.24, 0.18), (0.16, 0.42, 0.78))
        return np.where(self.allowed[..., None], 1 - strength * (1 - end), 0.9)


def learned_transitions(model: Model) -> TransitionMatrix | None:
    """Return the transitions of a model; None for a softmax, which scores each tag independently.

    Training a CRF scores all sequences, so forbidden transitions have scores too.
    """
    head, tags, weights = model.config.head, model.tags, model.weights
    if not isinstance(head, CRFConfig):
        return None
    count = len(tags)
    if head.potentials == "bigram":
        steps = weights["head.bias"].reshape(count + 1, count)
    else:
        steps = np.concatenate([weights["head.transitions"], weights["head.start_transitions"][None]])
    scores = np.column_stack([steps, np.append(weights["head.end_transitions"], np.nan)])
    scheme = model.config.scheme if model.config.decode.constraints == "scheme" else PLAIN  # which allows all
    start, step, end = allowed_steps(scheme, tags)
    allowed = np.column_stack([np.concatenate([step, start[None]]), np.append(end, False)])
    return TransitionMatrix(tags, scores, allowed, head.potentials == "bigram")


def _parts(tags: Sequence[str], last: str) -> NDArray[np.str_]:
    """Return the letter and the label of each tag, and a last row without a label. Shape: [K + 1, 2]."""
    return np.array([*map(split_tag, tags), (last, "")])
