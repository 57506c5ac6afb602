"""Momentum whose table is updated row by row, against torch's own dense method."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional as F
from torch.nn.utils import clip_grad_norm_

from tagsmith.errors import ConfigError, DataError
from tagsmith.ops.sgd.on_torch import SGD

ROWS, DIM, OUT = 7, 3, 2


@dataclass(frozen=True)
class Step:
    """A batch of rows, a learning rate, how steep the loss is, and whether all is flushed afterwards."""

    ids: tuple[int, ...]
    rate: float
    steepness: float = 1.0
    flush: bool = False


# Clipped where the loss is steep. Rows 5 and 6 are never read, 2 and 3 rest for long, some ids are repeated.
EPOCHS = [
    *[Step((0, 1, 1, 2), 0.1, 1.0), Step((3, 3, 3), 0.1, 40.0), Step((0,), 0.1, 1.0)],
    *[Step((0, 1, 0, 4), 0.1, 0.2) for _ in range(9)],
    Step((4, 2), 0.1, 9.0, flush=True),
    *[Step((1, 4, 1), 0.05, 30.0), Step((0, 0), 0.02, 0.5), Step((), 0.3, 1.0), Step((3, 1), 0.05, 2.0, flush=True)],
    *[Step((i % 5, i * i % 5), 0.01 * (1 + i % 3), 1.0 + i) for i in range(20)],
]

steps = st.builds(
    Step,
    ids=st.lists(st.integers(0, ROWS - 1), max_size=6).map(tuple),
    rate=st.floats(0.0, 0.2),
    steepness=st.sampled_from([0.01, 0.3, 1.0, 50.0]),
    flush=st.booleans(),
)


class Weights:
    """A table and two dense weights, always the same at the start."""

    def __init__(self, dtype: torch.dtype = torch.float64) -> None:
        rng = torch.Generator().manual_seed(1)
        self.table = torch.randn(ROWS, DIM, generator=rng, dtype=torch.float64).to(dtype).requires_grad_()
        self.matrix = torch.randn(DIM, OUT, generator=rng, dtype=torch.float64).to(dtype).requires_grad_()
        self.bias = torch.zeros(OUT, dtype=dtype, requires_grad=True)

    @property
    def dense(self) -> dict[str, Tensor]:
        return {"matrix": self.matrix, "bias": self.bias}

    def optimizer(self, momentum: float = 0.9, clip: float = 1.0) -> SGD:
        return SGD(self.dense, self.table, momentum=momentum, clip=clip)

    def backward(self, step: Step, *, sparse: bool) -> None:
        read = F.embedding(torch.tensor(step.ids, dtype=torch.int64), self.table, sparse=sparse)
        (step.steepness * (torch.tanh(read @ self.matrix + self.bias) - 0.5).square().sum()).backward()

    def copies(self) -> list[Tensor]:
        return [weights.detach().clone() for weights in (self.table, self.matrix, self.bias)]


def by_rows(weights: Weights, optimizer: SGD, schedule: Sequence[Step]) -> None:
    for step in schedule:
        optimizer.zero_grad()
        optimizer.catch_up(torch.tensor(step.ids, dtype=torch.int64))
        weights.backward(step, sparse=True)
        optimizer.step(step.rate)
        if step.flush:
            optimizer.flush()


def densely(weights: Weights, schedule: Sequence[Step], momentum: float = 0.9, clip: float = 1.0) -> list[float]:
    """The oracle; returns the norms."""
    parameters = [weights.table, weights.matrix, weights.bias]
    sgd = torch.optim.SGD(parameters, 0.1, momentum)
    norms = []
    for step in schedule:
        sgd.param_groups[0]["lr"] = step.rate
        sgd.zero_grad()
        weights.backward(step, sparse=False)
        norms.append(clip_grad_norm_(parameters, clip).item())
        sgd.step()
    return norms


def assert_close(given: Sequence[Tensor], expected: Sequence[Tensor], tolerance: float) -> None:
    for one, other in zip(given, expected, strict=True):
        assert (one - other).abs().max() <= tolerance * other.abs().max()


class TestAgainstDense:
    @pytest.mark.parametrize("momentum", [0.0, 0.5, 0.9, 0.99])
    def test_same_weights_over_epochs_with_clipping_now_and_then(self, momentum: float):
        rows, dense = Weights(), Weights()
        start = rows.copies()[0]
        optimizer = rows.optimizer(momentum)
        by_rows(rows, optimizer, EPOCHS)
        norms = densely(dense, EPOCHS, momentum)
        assert min(sum(norm > 1 for norm in norms), sum(norm < 1 for norm in norms)) >= 3
        if momentum:
            assert not torch.allclose(rows.table, dense.table, rtol=1e-6)  # the last epoch has not been flushed
        optimizer.flush()
        assert_close(rows.copies(), dense.copies(), 1e-12)
        assert torch.equal(rows.table[5:], start[5:])
        assert not torch.isclose(rows.table[:5], start[:5]).any()

    @given(st.lists(steps, max_size=25), st.sampled_from([0.0, 0.3, 0.9, 0.999]), st.sampled_from([0.1, 1.0, 1e9]))
    @settings(deadline=None)
    def test_same_weights_for_any_schedule(self, schedule: list[Step], momentum: float, clip: float):
        rows, dense = Weights(), Weights()
        optimizer = rows.optimizer(momentum, clip)
        by_rows(rows, optimizer, schedule)
        optimizer.flush()
        densely(dense, schedule, momentum, clip)
        assert_close(rows.copies(), dense.copies(), 1e-11)

    def test_every_read_finds_rows_where_the_dense_method_has_them(self):
        rows = Weights()
        optimizer = rows.optimizer()
        for number, step in enumerate(EPOCHS):
            densely(dense := Weights(), EPOCHS[:number])
            ids = torch.tensor(step.ids, dtype=torch.int64)
            optimizer.catch_up(ids)
            torch.testing.assert_close(rows.table[ids], dense.table[ids], rtol=1e-12, atol=1e-12)
            by_rows(rows, optimizer, [step])

    def test_a_row_that_rests_for_thousands_of_steps(self):
        # So long that powers of the momentum underflow, and the rates rise steeply: the plain cumulative sum gives nan.
        schedule = [Step((0, 1), 0.1), *[Step((0,), 1e-4 * 1.005**k, 0.01) for k in range(1500)], Step((1,), 0.1)]
        rows, dense = Weights(), Weights()
        optimizer = rows.optimizer(momentum=0.5)
        by_rows(rows, optimizer, schedule)
        assert (optimizer.state()["rows.left"] == 0).any()
        optimizer.flush()
        densely(dense, schedule, momentum=0.5)
        assert_close(rows.copies(), dense.copies(), 1e-11)

    def test_float32(self):
        rows, dense = Weights(torch.float32), Weights(torch.float32)
        optimizer = rows.optimizer()
        by_rows(rows, optimizer, EPOCHS)
        optimizer.flush()
        densely(dense, EPOCHS)
        assert_close(rows.copies(), dense.copies(), 1e-4)
        assert rows.table.dtype == torch.float32

    def test_without_a_table(self):
        rows, dense = torch.tensor([3.0, -4.0], requires_grad=True), torch.tensor([3.0, -4.0], requires_grad=True)
        optimizer, sgd = SGD({"w": rows}, None, momentum=0.9, clip=2.0), torch.optim.SGD([dense], 0.1, 0.9)
        for _ in range(5):
            for weights in (rows, dense):
                weights.grad = None
                weights.square().sum().backward()
            optimizer.catch_up(torch.tensor([1]))
            optimizer.step(0.1)
            optimizer.flush()
            clip_grad_norm_([dense], 2.0)
            sgd.step()
        torch.testing.assert_close(rows, dense)
        assert optimizer.state().keys() == {"velocity.w"}


class TestOneStep:
    def test_by_hand(self):
        table = torch.tensor([[1.0], [2.0], [3.0]], dtype=torch.float64, requires_grad=True)
        optimizer = SGD({}, table, momentum=0.5, clip=100.0)
        for ids, rate in [([1, 1], 0.1), ([0], 0.2), ([0], 0.4)]:
            optimizer.zero_grad()
            optimizer.catch_up(torch.tensor(ids))
            F.embedding(torch.tensor(ids), table, sparse=True).sum().backward()
            optimizer.step(rate)
        assert table[1].item() == pytest.approx(2 - 0.1 * 2)
        optimizer.catch_up(torch.tensor([[1, 1], [1, 2]]))
        assert table[1].item() == pytest.approx(2 - 0.1 * 2 - 0.2 * 1 - 0.4 * 0.5)
        assert table[0].item() == pytest.approx(1 - 0.2 * 1 - 0.4 * 1.5)
        assert table[2].item() == 3

    def test_a_missing_gradient_is_zero(self):
        weights = Weights()
        optimizer = weights.optimizer()
        by_rows(weights, optimizer, EPOCHS[:1])
        before, state = weights.copies(), optimizer.state()
        optimizer.zero_grad()
        assert all(tensor.grad is None for tensor in (weights.table, weights.matrix, weights.bias))
        optimizer.step(0.3)
        optimizer.flush()
        names = ("rows.velocity", "velocity.matrix", "velocity.bias")
        expected = [tensor - 0.3 * 0.9 * state[name] for tensor, name in zip(before, names, strict=True)]
        assert_close(weights.copies(), expected, 1e-15)

    def test_a_dense_gradient_of_the_table_is_refused(self):
        weights = Weights()
        optimizer = weights.optimizer()
        weights.backward(EPOCHS[0], sparse=False)
        with pytest.raises(ValueError, match="sparse=True"):
            optimizer.step(0.1)

    def test_a_row_that_was_not_caught_up_is_refused(self):
        weights = Weights()
        optimizer = weights.optimizer()
        by_rows(weights, optimizer, EPOCHS[:1])
        optimizer.zero_grad()
        optimizer.catch_up(torch.tensor([0, 1]))
        before = weights.copies()
        weights.backward(Step((0, 3), 0.1), sparse=True)
        with pytest.raises(ValueError, match="catch_up was not given"):
            optimizer.step(0.1)
        assert all(torch.equal(*pair) for pair in zip(weights.copies(), before, strict=True))


class TestState:
    @pytest.mark.parametrize("cut", [0, 1, 5, 13, 15, 30])  # 13: just after a flush
    @pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
    def test_training_goes_on_to_the_same_bits(self, cut: int, dtype: torch.dtype):
        whole, first, second = Weights(dtype), Weights(dtype), Weights(dtype)
        optimizer = whole.optimizer()
        by_rows(whole, optimizer, EPOCHS)
        began = first.optimizer()
        by_rows(first, began, EPOCHS[:cut])
        state, taken = began.state(), began.state()
        with torch.no_grad():
            for tensor, value in zip((second.table, second.matrix, second.bias), first.copies(), strict=True):
                tensor.copy_(value)
        by_rows(first, began, EPOCHS[cut : cut + 2])  # what has been given out must not change any more
        goes_on = second.optimizer()
        goes_on.load_state(state)
        by_rows(second, goes_on, EPOCHS[cut:])
        assert all(torch.equal(state[name], taken[name]) for name in taken)  # nor what has been taken up
        assert all(torch.equal(*pair) for pair in zip(second.copies(), whole.copies(), strict=True))
        own, other = goes_on.state(), optimizer.state()
        assert own.keys() == other.keys()
        assert all(torch.equal(own[name], other[name]) for name in own)
        goes_on.flush()
        optimizer.flush()
        assert torch.equal(second.table, whole.table)

    @pytest.mark.parametrize(
        ("changed", "message"),
        [
            ({"rows.last": None}, rf"rows.last is missing, here \[{ROWS}\]"),
            ({"velocity.other": torch.zeros(1)}, r"velocity.other is \[1\], here missing"),
            ({"velocity.bias": torch.zeros(OUT)}, r"found velocity.bias \[2\] of torch.float32; expected \[2\] of"),
            ({"rows.velocity": torch.zeros(1, DIM)}, r"rows.velocity is \[1, 3\], here"),
            ({"rows.left": torch.ones(9, dtype=torch.float64)}, "9 steps in rows.left and 2 in rows.way"),
            ({"rows.way": torch.zeros(1, 2, dtype=torch.float64)}, r"expected \[steps\] of torch.float64"),
            ({"rows.last": torch.full((ROWS,), 2)}, "expected 0 to 1"),
            ({"rows.last": torch.full((ROWS,), -1)}, "expected 0 to 1"),
        ],
    )
    def test_a_state_that_does_not_fit_is_refused_whole(self, changed: dict[str, Tensor | None], message: str):
        weights = Weights()
        optimizer = weights.optimizer()
        by_rows(weights, optimizer, EPOCHS[:1])
        state = {name: tensor for name, tensor in (optimizer.state() | changed).items() if tensor is not None}
        fresh = Weights().optimizer()
        before = fresh.state()
        with pytest.raises((ConfigError, DataError), match=message):
            fresh.load_state(state)
        assert all(torch.equal(tensor, before[name]) for name, tensor in fresh.state().items())
