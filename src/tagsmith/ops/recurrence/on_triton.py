# pyright: reportCallIssue=false, reportGeneralTypeIssues=false, reportArgumentType=false
# (Triton reads the kernels below, not Python.)
"""The LSTM on a GPU, in Triton: both directions of S networks side by side, all time steps in one launch.

One program reads some sentences in one direction of one network, step by step. At each step it reads the results of
the step before, from memory that no other program writes to, so programs never wait for each other. The state weight
comes from the second-level cache at every step. As in ``ops.chain.on_triton``, sentence b of network s is the words
``starts[s, b]`` to ``starts[s, b] + lengths[s, b]``. Words outside all sentences are never read.

It is compared with ``tagsmith.ops.recurrence.on_torch``.
"""

from __future__ import annotations

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import FunctionCtx

_ROWS = 16  # sentences per program: the fewest that the hardware's matrix product takes
_UNITS = 64
_DEPTH = 32
_PRECISION = "tf32x3"  # as accurate as float32, on the matrix units


@triton.jit
def _tanh(x):
    return 2.0 * tl.sigmoid(2.0 * x) - 1.0


@triton.jit
def _sentences(starts, lengths, words, sentences, ROWS: tl.constexpr):
    """Return the first words of a program's sentences in its direction and network, and their lengths."""
    run = tl.program_id(2).to(tl.int64)
    slot = tl.program_id(0) * ROWS + tl.arange(0, ROWS)
    real = slot < sentences
    length = tl.load(lengths + run * sentences + slot, real, 0)
    first = tl.load(starts + run * sentences + slot, real, 0)
    return (run * 2 + tl.program_id(1)) * words + first, length


@triton.jit
def _forward(
    products,
    state_weight,
    starts,
    lengths,
    gates,
    cells,
    hidden,
    words,
    sentences,
    H: tl.constexpr,
    KEEP: tl.constexpr,
    ROWS: tl.constexpr,
    UNITS: tl.constexpr,
    DEPTH: tl.constexpr,
    PRECISION: tl.constexpr,
    READ: tl.constexpr,
):
    """Write the state and cell after each word, and with KEEP its gates, in the order i, f, o, g."""
    direction = tl.program_id(1)
    weight = state_weight + (tl.program_id(2).to(tl.int64) * 2 + direction) * 4 * H * H
    first, length = _sentences(starts, lengths, words, sentences, ROWS)
    stride = 1 - 2 * direction
    word = first + direction * (length - 1)  # the first to be read
    for t in range(tl.max(length, 0)):
        reads = (t < length)[:, None]
        continues = reads & (t > 0)
        at = word[:, None]
        before = at - stride
        for u in range(0, H, UNITS):
            unit = u + tl.arange(0, UNITS)[None, :]
            mine = reads & (unit < H)
            i = tl.load(products + at * 4 * H + unit, mine, 0.0)
            f = tl.load(products + at * 4 * H + H + unit, mine, 0.0)
            o = tl.load(products + at * 4 * H + 2 * H + unit, mine, 0.0)
            g = tl.load(products + at * 4 * H + 3 * H + unit, mine, 0.0)
            for d in range(0, H, DEPTH):
                depth = d + tl.arange(0, DEPTH)
                h = tl.load(hidden + before * H + depth[None, :], continues & (depth < H)[None, :], 0.0)
                h = h.to(weight.dtype.element_ty).to(READ)
                row = weight + depth[:, None] * 4 * H + unit
                real = (depth < H)[:, None] & (unit < H)
                i = tl.dot(h, tl.load(row, real, 0.0).to(READ), i, input_precision=PRECISION)
                f = tl.dot(h, tl.load(row + H, real, 0.0).to(READ), f, input_precision=PRECISION)
                o = tl.dot(h, tl.load(row + 2 * H, real, 0.0).to(READ), o, input_precision=PRECISION)
                g = tl.dot(h, tl.load(row + 3 * H, real, 0.0).to(READ), g, input_precision=PRECISION)
            i, f, o, g = tl.sigmoid(i), tl.sigmoid(f), tl.sigmoid(o), _tanh(g)
            c = f * tl.load(cells + before * H + unit, continues & (unit < H), 0.0) + i * g
            tl.store(cells + at * H + unit, c, mine)
            tl.store(hidden + at * H + unit, o * _tanh(c), mine)
            if KEEP:
                tl.store(gates + at * 4 * H + unit, i, mine)
                tl.store(gates + at * 4 * H + H + unit, f, mine)
                tl.store(gates + at * 4 * H + 2 * H + unit, o, mine)
                tl.store(gates + at * 4 * H + 3 * H + unit, g, mine)
        tl.debug_barrier()  # the next step reads what all threads of the program wrote
        word += stride


@triton.jit
def _backward(
    grad_hidden,
    state_weight,
    starts,
    lengths,
    gates,
    cells,
    carried_hidden,
    carried_cells,
    grad_products,
    words,
    sentences,
    H: tl.constexpr,
    ROWS: tl.constexpr,
    UNITS: tl.constexpr,
    DEPTH: tl.constexpr,
    PRECISION: tl.constexpr,
    READ: tl.constexpr,
):
    """Write the gradient of the products. A step passes gradients to the word before it through ``carried_…``."""
    direction = tl.program_id(1)
    weight = state_weight + (tl.program_id(2).to(tl.int64) * 2 + direction) * 4 * H * H
    first, length = _sentences(starts, lengths, words, sentences, ROWS)
    stride = 1 - 2 * direction
    longest = tl.max(length, 0)
    for back in range(longest):
        t = longest - 1 - back
        reads = (t < length)[:, None]
        ends = (t == length - 1)[:, None]
        at = (first + direction * (length - 1) + stride * t)[:, None]
        before = at - stride
        continues = reads & (t > 0)
        for u in range(0, H, UNITS):
            unit = u + tl.arange(0, UNITS)[None, :]
            mine = reads & (unit < H)
            i = tl.load(gates + at * 4 * H + unit, mine, 0.0)
            f = tl.load(gates + at * 4 * H + H + unit, mine, 0.0)
            o = tl.load(gates + at * 4 * H + 2 * H + unit, mine, 0.0)
            g = tl.load(gates + at * 4 * H + 3 * H + unit, mine, 0.0)
            tanh_c = _tanh(tl.load(cells + at * H + unit, mine, 0.0))
            c_before = tl.load(cells + before * H + unit, continues & (unit < H), 0.0)
            later = mine & ~ends
            dh = tl.load(grad_hidden + at * H + unit, mine, 0.0)
            dh += tl.load(carried_hidden + at * H + unit, later, 0.0)
            dc = tl.load(carried_cells + at * H + unit, later, 0.0) + dh * o * (1.0 - tanh_c * tanh_c)
            tl.store(grad_products + at * 4 * H + unit, dc * g * i * (1.0 - i), mine)
            tl.store(grad_products + at * 4 * H + H + unit, dc * c_before * f * (1.0 - f), mine)
            tl.store(grad_products + at * 4 * H + 2 * H + unit, dh * tanh_c * o * (1.0 - o), mine)
            tl.store(grad_products + at * 4 * H + 3 * H + unit, dc * i * (1.0 - g * g), mine)
            tl.store(carried_cells + before * H + unit, dc * f, continues & (unit < H))
        tl.debug_barrier()
        for u in range(0, H, UNITS):
            unit = u + tl.arange(0, UNITS)[None, :]
            passed = tl.zeros([ROWS, UNITS], tl.float32)
            for d in range(0, 4 * H, DEPTH):
                depth = d + tl.arange(0, DEPTH)
                some = tl.load(grad_products + at * 4 * H + depth[None, :], continues & (depth < 4 * H)[None, :], 0.0)
                some = some.to(weight.dtype.element_ty).to(READ)
                column = weight + unit * 4 * H + depth[:, None]
                real = (depth < 4 * H)[:, None] & (unit < H)
                passed = tl.dot(some, tl.load(column, real, 0.0).to(READ), passed, input_precision=PRECISION)
            tl.store(carried_hidden + before * H + unit, passed, continues & (unit < H))
        tl.debug_barrier()


def lstm(products: Tensor, state_weight: Tensor, starts: Tensor, lengths: Tensor) -> Tensor:
    """Return the hidden states after each word, and 0 at words in no sentence, whose products may be anything.

    Shape: products [S, 2, N, 4H], state_weight [S, 2, H, 4H], starts and lengths [S, B] -> [S, 2, N, H], all in the
    order of the words, direction 0 read forwards and 1 backwards; float32. With a state weight in bfloat16, its other
    operand is rounded to bfloat16 as well, and products are summed in float32.
    """
    return TritonLSTM.apply(products, state_weight, starts, lengths)  # type: ignore[return-value]


class TritonLSTM(Function):
    """``lstm`` and its gradient."""

    @staticmethod
    def forward(ctx: FunctionCtx, products: Tensor, state_weight: Tensor, starts: Tensor, lengths: Tensor) -> Tensor:
        runs, _, words, _ = products.shape
        products, state_weight = products.contiguous(), state_weight.contiguous()
        size, keep = state_weight.shape[2], any(ctx.needs_input_grad[:2])  # type: ignore[attr-defined]
        hidden = products.new_zeros(runs, 2, words, size)
        cells = torch.empty_like(hidden)
        gates = torch.empty_like(products) if keep else products
        _forward[_grid(starts)](
            *(products, state_weight, starts, lengths, gates, cells, hidden, words, starts.shape[1]),
            **_sizes(state_weight),
            KEEP=keep,
        )
        ctx.save_for_backward(state_weight, starts, lengths, gates, cells, hidden)
        return hidden

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor, Tensor, None, None]:
        state_weight, starts, lengths, gates, cells, hidden = ctx.saved_tensors
        grad_hidden = grad_outputs[0].contiguous()
        grad_products = torch.zeros_like(gates)
        carried = torch.empty_like(cells), torch.empty_like(cells)
        _backward[_grid(starts)](
            *(grad_hidden, state_weight, starts, lengths, gates, cells, *carried, grad_products),
            *(hidden.shape[2], starts.shape[1]),
            **_sizes(state_weight),
        )
        before = states_before(hidden, starts, lengths).to(state_weight.dtype)
        return grad_products, before.transpose(2, 3) @ grad_products.to(state_weight.dtype), None, None


def states_before(hidden: Tensor, starts: Tensor, lengths: Tensor) -> Tensor:
    """Return the state before each word, 0 where a sentence begins. Shape: [S, 2, N, H] -> the same."""
    begins = first_words(starts, lengths, hidden.shape[2])[..., None]
    forwards = torch.cat([torch.zeros_like(hidden[:, 0, :1]), hidden[:, 0, :-1]], 1)
    backwards = torch.cat([hidden[:, 1, 1:], torch.zeros_like(hidden[:, 1, :1])], 1)
    ends = torch.cat([begins[:, 1:], torch.ones_like(begins[:, :1])], 1)
    return torch.stack([forwards.masked_fill(begins, 0.0), backwards.masked_fill(ends, 0.0)], 1)


def first_words(starts: Tensor, lengths: Tensor, words: int) -> Tensor:
    """Mark the words that begin a sentence, or follow the last. Shape: starts and lengths [S, B] -> [S, N]."""
    marks = torch.zeros(len(starts), words + 1, dtype=torch.bool, device=starts.device)
    ends = (starts + lengths).amax(1, keepdim=True)
    begins = torch.where(lengths > 0, starts, words)
    return marks.scatter_(1, torch.cat([begins, ends], 1).long(), True)[:, :words]


def _grid(starts: Tensor) -> tuple[int, int, int]:
    runs, sentences = starts.shape
    return -(-sentences // _ROWS), 2, runs


def _sizes(state_weight: Tensor) -> dict[str, Any]:
    # Triton's interpreter does not multiply bfloat16. There float32 holds the rounded numbers, with the same products.
    halves = state_weight.dtype == torch.bfloat16 and state_weight.device.type == "cuda"
    read = tl.bfloat16 if halves else tl.float32
    size = state_weight.shape[2]
    return {"H": size, "ROWS": _ROWS, "UNITS": _UNITS, "DEPTH": _DEPTH, "PRECISION": _PRECISION, "READ": read}
