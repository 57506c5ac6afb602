from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagsmith.quality.transitions import END, START, learned_transitions
from tagsmith.schemes import SCHEMES, is_legal
from tests.support.handmade import SMALL, random_model

HEADS = [{}, {"head.potentials": "bigram"}]


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("labels", [["X"], ["X", "Y"]], ids=len)
def test_the_forbidden_transitions_by_letter_are_those_of_the_scheme(scheme: str, labels: list[str]):
    found = learned_transitions(random_model(1, scheme, labels))
    assert found is not None
    by_letter = {row.before: row for row in found.forbidden()}
    for before, after in product(found.rows, found.columns):
        if (before, after) == (START, END):
            continue
        (a, _, mine), (b, _, other) = before.partition("-"), after.partition("-")
        row = by_letter[a]
        is_forbidden = b in row.never or b in (row.same_label if mine == other else row.other_label)
        # Two tags on either side are enough for a legal sequence with this transition, if there is one.
        sides = [list(product(found.tags, repeat=n)) for n in range(3)]
        lefts = [()] if before == START else [(*left, before) for n in sides[:2] for left in n]
        rights = [()] if after == END else [(after, *right) for n in sides[:2] for right in n]
        legal = any(is_legal(SCHEMES[scheme], [*x, *y]) for x, y in product(lefts, rights))
        assert is_forbidden is not legal, (before, after)


@pytest.mark.parametrize("head", HEADS, ids=["shared", "bigram"])
def test_only_allowed_transitions_are_ranked_by_score(head: dict[str, str]):
    model = random_model(2, settings={**SMALL, **head})
    found = learned_transitions(model)
    assert found is not None
    assert found.by_word is bool(head)
    ranked = found.ranked()
    assert len(ranked) == found.allowed.sum()
    assert [step.score for step in ranked] == sorted((step.score for step in ranked), reverse=True)
    for step in ranked:
        i, j = found.rows.index(step.before), found.columns.index(step.after)
        assert found.allowed[i, j]
        assert step.score == found.scores[i, j]
    assert found.count_forbidden() == (found.allowed.size - 1 - len(ranked), 10 * 10 - 1)


@pytest.mark.parametrize("settings", [{"scheme": "plain"}, {"decode.constraints": "none"}], ids=str)
def test_plain_tags_and_unconstrained_decoding_forbid_nothing(settings: dict[str, str]):
    found = learned_transitions(random_model(1, settings={**SMALL, **settings}))
    assert found is not None
    assert found.forbidden() == []
    assert found.count_forbidden()[0] == 0


@given(st.integers(0, 1000), st.sampled_from([0.0, 0.1, 100.0]))
def test_shades_run_from_blue_through_white_to_red_and_are_grey_if_forbidden(seed: int, scale: float):
    found = learned_transitions(random_model(seed, scale=scale))
    assert found is not None
    shades = found.shades()
    assert shades.shape == (10, 10, 3)
    assert ((shades >= 0) & (shades <= 1)).all()
    assert (shades[~found.allowed] == 0.9).all()
    red, _, blue = shades[found.allowed].T
    assert (np.sign(red - blue) == np.sign(found.scores[found.allowed])).all()
