"""The recurrences in NumPy, compared with PyTorch's modules on each sentence alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tagsmith.ops.recurrence import reference
from tagsmith.ops.recurrence.kinds import KINDS
from tests.support.recurrences import module_states, reference_states, width

SIZE = 3
every_kind = pytest.mark.parametrize("kind", KINDS)


@every_kind
@given(st.lists(st.integers(1, 5), min_size=1, max_size=5), st.integers(0, 2**32 - 1))
@settings(max_examples=25, deadline=None)
def test_states_are_those_of_pytorchs_module(kind: str, lengths: list[int], seed: int) -> None:
    rng = np.random.default_rng(seed)
    products = rng.normal(size=(sum(lengths), 2, width(kind, SIZE)))
    weight = rng.normal(size=(2, SIZE, width(kind, SIZE)))
    found = reference_states(kind, products, np.array(lengths), weight)
    expected = module_states(kind, torch.from_numpy(products).transpose(0, 1), torch.from_numpy(weight), lengths)
    np.testing.assert_allclose(found, torch.cat([*expected], 1), rtol=1e-10, atol=1e-12)


@every_kind
def test_products_in_float32_give_states_in_float32(kind: str) -> None:
    ones = np.ones((4, width(kind, SIZE)), np.float32)
    assert KINDS[kind].reference(ones, ones[:SIZE], [2, 1, 1]).dtype == np.float32


def test_a_gru_with_its_update_gate_shut_keeps_its_state() -> None:
    products = np.zeros((3, 3))
    products[0] = 0, -50, 1  # takes the candidate
    products[1:] = 0, 50, -1  # keeps the state
    found = reference.gru(products, np.zeros((1, 3)), [1, 1, 1])
    np.testing.assert_allclose(found, np.full((3, 1), np.tanh(1)))


def test_sigmoid_is_exact_where_it_is_known_and_never_overflows() -> None:
    found = reference.sigmoid(np.array([-1e4, -np.log(3), 0.0, np.log(3), 1e4]))
    np.testing.assert_allclose(found, [0.0, 0.25, 0.5, 0.75, 1.0], rtol=1e-14)
