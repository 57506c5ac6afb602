"""Compiled dropout: its random numbers, and what they depend on."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from tagsmith.ops.dropout.compiled import dropout

KEY = 1_234_567


def split_mix(seed: int, count: int) -> list[int]:
    """The generator as it is published, one number after another."""
    mask, drawn = 2**64 - 1, []
    for _ in range(count):
        seed = (seed + 0x9E3779B97F4A7C15) & mask
        x = ((seed ^ (seed >> 30)) * 0xBF58476D1CE4E5B9) & mask
        x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & mask
        drawn.append(x ^ (x >> 31))
    return drawn


def mask(rows: int, columns: int, rate: float, key: int = KEY, mask_of: list[int] | None = None) -> NDArray[np.bool_]:
    numbers = np.arange(rows) if mask_of is None else np.array(mask_of)
    return dropout(np.ones((rows, columns), np.float32), rate, key, numbers) != 0


def test_the_generator_gives_its_published_numbers() -> None:
    assert split_mix(KEY, 3) == [6457827717110365317, 3203168211198807973, 9817491932198370423]


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("shape", [(1, 1), (3, 7), (5, 64)])
def test_a_value_is_dropped_where_the_draw_of_its_place_is_below_the_rate(shape: tuple[int, int], rate: float) -> None:
    drawn = np.array(split_mix(KEY, shape[0] * shape[1]), np.uint64).reshape(shape)
    np.testing.assert_array_equal(mask(*shape, rate), drawn / 2**64 >= rate)


def test_values_that_stay_are_scaled_up_and_the_others_are_zero_even_if_they_were_nan() -> None:
    values = np.random.default_rng(0).normal(size=(20, 30)).astype(np.float32)
    kept = mask(20, 30, 0.75)
    np.testing.assert_array_equal(dropout(values, 0.75, KEY, np.arange(20)), np.where(kept, values * np.float32(4), 0))
    assert (dropout(np.full_like(values, np.nan), 0.75, KEY, np.arange(20))[~kept] == 0).all()


def test_rows_share_a_mask_exactly_where_they_have_one_number() -> None:
    alone = mask(4, 50, 0.5)
    np.testing.assert_array_equal(mask(6, 50, 0.5, mask_of=[2, 0, 3, 0, 1, 2]), alone[[2, 0, 3, 0, 1, 2]])
    assert len(np.unique(alone, axis=0)) == 4


def test_masks_of_neighbouring_rows_columns_and_keys_have_nothing_to_do_with_each_other() -> None:
    masks = mask(400, 400, 0.5).astype(float) - 0.5
    assert abs(masks.mean()) < 0.005
    for other in (np.roll(masks, 1, 0), np.roll(masks, 1, 1), mask(400, 400, 0.5, KEY + 1) - 0.5):
        assert abs((masks * other).mean()) < 0.005
    assert abs(masks.mean(0)).max() < 0.15
    assert abs(masks.mean(1)).max() < 0.15
