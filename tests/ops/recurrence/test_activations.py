"""The rational tanh and logistic function, compared with NumPy's."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numba import vectorize

from tagsmith.ops.recurrence import activations

_tanh, _sigmoid = vectorize(nopython=True)(activations.tanh), vectorize(nopython=True)(activations.sigmoid)


def test_they_are_numpys_to_float32_everywhere():
    x = np.concatenate([np.linspace(-12, 12, 1_000_001), [0.0, 1e-30, -1e-30, 1e30, -1e30]]).astype(np.float32)
    exact = x.astype(np.float64)
    np.testing.assert_allclose(_tanh(x), np.tanh(exact), rtol=0, atol=4e-7)
    np.testing.assert_allclose(_sigmoid(x), 0.5 + 0.5 * np.tanh(exact / 2), rtol=0, atol=4e-7)
    assert np.abs(_tanh(x)).max() <= 1.0 + 4e-7


def test_infinity_is_a_limit_and_nan_stays():
    assert _tanh(np.float32(np.inf)) == -_tanh(np.float32(-np.inf)) == 1.0
    assert _sigmoid(np.float32(-np.inf)) == 0.0
    assert np.isnan(_tanh(np.float32(np.nan)))
    assert np.isnan(_sigmoid(np.float32(np.nan)))


@given(st.floats(-20, 20, width=32))
def test_plain_python_computes_the_same(x: float):
    assert abs(activations.tanh(np.float32(x)) - float(_tanh(np.float32(x)))) < 1e-6
