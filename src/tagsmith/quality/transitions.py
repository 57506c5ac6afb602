"""What a head has learned of which tag follows which, and which steps decoding never takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tagsmith.config import CRFConfig
from tagsmith.schemes import allowed_steps, split_tag
from tagsmith.store import Model
from tagsmith.tensors import Bools, Floats

START, END = "(start)", "(end)"


class Step(NamedTuple):
    """One tag after another, and what the head gives for it."""

    before: str
    after: str
    score: float


class Forbidden(NamedTuple):
    """Steps that decoding never takes, told by the letters of their tags."""

    before: str
    """A letter, O, or the start."""
    never: tuple[str, ...]
    """What can't follow it, whatever the labels."""
    other_label: tuple[str, ...]
    """What can't follow it under another label."""
    same_label: tuple[str, ...]
    """What can't follow it under its own label."""


@dataclass(frozen=True)
class Transitions:
    """The scores of all steps between K tags, from the start and to the end."""

    tags: tuple[str, ...]
    scores: Floats
    """Row: the tag before, the last one the start; column: the tag after, the last one the end; from the start to the
    end there is no step, and its score is NaN. Shape: [K + 1, K + 1]."""
    allowed: Bools
    """Whether decoding may take the step. Shape: [K + 1, K + 1]."""
    by_word: bool
    """Whether a score depends on the word as well (bigram potentials); then it is the bias, which does not."""

    @property
    def rows(self) -> tuple[str, ...]:
        """What a step comes from."""
        return *self.tags, START

    @property
    def columns(self) -> tuple[str, ...]:
        """What a step goes to."""
        return *self.tags, END

    def ranked(self) -> list[Step]:
        """The allowed steps, the strongest first."""
        places = np.argwhere(self.allowed)
        scores = self.scores[self.allowed]
        order = np.argsort(-scores, kind="stable")
        return [
            Step(self.rows[i], self.columns[j], float(score))
            for (i, j), score in zip(places[order].tolist(), scores[order], strict=True)
        ]

    def count_forbidden(self) -> tuple[int, int]:
        """How many steps are forbidden, and how many there are."""
        steps = self.allowed.size - 1
        return steps - int(self.allowed.sum()), steps

    def forbidden(self) -> list[Forbidden]:
        """The forbidden steps, all labels of a letter together; empty where nothing is forbidden."""
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
            found.append(Forbidden(before, tuple(never), tuple(other_label), tuple(same_label)))
        return found

    def as_dict(self) -> dict[str, Any]:
        """All scores by tag, ready for JSON; null is a step that decoding never takes."""
        scores = np.where(self.allowed, self.scores, np.nan)
        return {
            "by_word": self.by_word,
            "scores": {
                before: {after: None if np.isnan(x) else float(x) for after, x in zip(self.columns, row, strict=True)}
                for before, row in zip(self.rows, scores, strict=True)
            },
        }

    def shades(self) -> Floats:
        """A colour for every step, from blue (low) over white (0) to red (high); grey where it is forbidden.

        Shape: [K + 1, K + 1, 3], each part of red, green and blue from 0 to 1.
        """
        top = float(np.abs(self.scores[self.allowed]).max(initial=0.0)) or 1.0
        strength = np.nan_to_num(np.abs(self.scores) / top)[..., None]
        end = np.where((self.scores > 0)[..., None], (0.84, 0.24, 0.18), (0.16, 0.42, 0.78))
        return np.where(self.allowed[..., None], 1 - strength * (1 - end), 0.9)


def learned_transitions(model: Model) -> Transitions | None:
    """The transitions of a model; None for a softmax, which scores every word's tag on its own.

    A CRF's training scores all sequences, so the steps that decoding never takes have scores too.
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
    scheme = model.config.scheme if model.config.decode.constraints == "scheme" else "plain"
    start, step, end = allowed_steps(scheme, tags)
    allowed = np.column_stack([np.concatenate([step, start[None]]), np.append(end, False)])
    return Transitions(tags, scores, allowed, head.potentials == "bigram")


def _parts(tags: Sequence[str], last: str) -> NDArray[np.str_]:
    """Letter and label of each tag, and of one more place that has no label. Shape: [K + 1, 2]."""
    return np.array([*map(split_tag, tags), (last, "")])
