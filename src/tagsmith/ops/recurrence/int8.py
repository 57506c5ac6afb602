"""The LSTM in integers of 8 bits, for processors that multiply four of them at once (AVX-512 VNNI).

A state h is between -1 and 1, so its byte, 128 + 127 h rounded, needs no calibration. The state weight has one scale
for each column of each gate. Sums of products of bytes are exact integers, and the same instructions compute the cells
of every row. So a sentence's states are the same bits alone and in any batch.

The columns of a panel are the four gates of ``LANES`` units. A tile of sums gives the new cells of these units while
the next panel's weight is loaded. ``plain_lstm`` is the same in plain NumPy, and runs anywhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from llvmlite import ir
from numba.core import cgutils, codegen, config, types
from numba.extending import intrinsic
from numpy.typing import NDArray

from tagsmith.ops.recurrence.compiled import word_at
from tagsmith.ops.simd.compiling import kernel
from tagsmith.tensors import Floats, Ids

LANES = 16
"""Units in a panel: the floats of a vector register."""
ROWS = 6
"""Rows in a tile, at most: the sums of their four gates fill 24 of 32 registers."""
_ZERO, _ONE = 128, 127  # the byte of state 0, and its distance to that of state 1


def can_run() -> bool:
    """Return whether Numba compiles for a processor with AVX-512 VNNI."""
    settings: Any = config  # Numba makes them when it is imported
    chosen = settings.CPU_FEATURES
    return "+avx512vnni" in (codegen.get_host_cpu_features() if chosen is None else chosen).split(",")


class QuantizedWeight(NamedTuple):
    """A state weight [H, 4H] in bytes, in the layout of ``lstm``: P panels of units, zeros after the last unit."""

    packed: NDArray[np.int8]
    """Four rows side by side, G times. Shape: [P, G, 4, LANES, 4]."""
    scales: NDArray[np.float32]
    """The value of 1 in a sum of products of bytes. Shape: [P, 4, LANES]."""
    zeros: NDArray[np.int32]
    """The value that such a sum starts from, so that the byte of state 0 counts as 0. Shape: [P, 4, LANES]."""


def quantize(state_weight: Floats) -> QuantizedWeight:
    """Return a state weight in bytes. The largest absolute value of each column becomes 127.

    Shape: state_weight [H, 4H], the gates in the order input, forget, output, candidate. H is at most 65,536; beyond
    that, a sum might not fit into 32 bits.
    """
    size = len(state_weight)
    panels, groups = -(-size // LANES), -(-size // 4)
    padded = np.zeros((groups * 4, 4, panels * LANES), np.float32)
    padded[:size, :, :size] = state_weight.reshape(size, 4, size)
    steps = np.abs(padded).max(0) / np.float32(127)
    weight = np.rint(padded / np.where(steps > 0, steps, 1)).astype(np.int8)
    packed = weight.reshape(groups, 4, 4, panels, LANES).transpose(3, 0, 2, 4, 1)
    scales, zeros = (
        np.ascontiguousarray(each.reshape(4, panels, LANES).swapaxes(0, 1))
        for each in (steps / np.float32(_ONE), -_ZERO * weight.sum(0, np.int32))
    )
    return QuantizedWeight(np.ascontiguousarray(packed), scales, zeros)


# The arithmetic of a cell, for NumPy's arrays and for vectors in compiled code alike


def cell(i: Any, f: Any, o: Any, g: Any, c: Any) -> tuple[Any, Any]:
    """Return the new cell and state, given the sums before the gates and the old cell.

    Both are accurate to 1e-4 · (1 + |c|), which is little next to the rounding to bytes. Fractions are multiplied out,
    as divisions take longest.
    """
    (i, i_below), (f, f_below), (o, o_below), (g, g_below) = _sigmoid(i), _sigmoid(f), _sigmoid(o), _tanh(g)
    c = (f * c * (i_below * g_below) + i * g * f_below) / (f_below * (i_below * g_below))
    t, t_below = _tanh(c)
    return c, (o * t) / (o_below * t_below)


# A minimax fit of x P(x²) / Q(x²) to tanh x between -5 and 5; beyond that tanh is ±1, to 1e-4.
_P = 0.9998430558094688, 0.1019233619296563, 0.0006593377682744988
_Q = 1.0, 0.43476924056302807, 0.012690832608885908
_P_SIGMOID = [p / 4 ** (k + 1) for k, p in enumerate(_P)]  # of tanh(x / 2) / 2
_Q_SIGMOID = [q / 4**k for k, q in enumerate(_Q)]


def _tanh(x: Any) -> tuple[Any, Any]:
    """Return the numerator and denominator of tanh, accurate to 5e-5."""
    x = x.clip(-5.0, 5.0)
    return x * _polynomial(_P, x * x), _polynomial(_Q, x * x)


def _sigmoid(x: Any) -> tuple[Any, Any]:
    """Return the numerator and denominator of 1 / (1 + exp(-x)), accurate to 3e-5."""
    x = x.clip(-10.0, 10.0)
    below = _polynomial(_Q_SIGMOID, x * x)
    return x * _polynomial(_P_SIGMOID, x * x) + below * 0.5, below


def _polynomial(coefficients: Sequence[float], s: Any) -> Any:
    constant, linear, quadratic = coefficients
    return (s * quadratic + linear) * s + constant


# The same in plain NumPy


def plain_sums(h: NDArray[np.uint8], weight: QuantizedWeight) -> NDArray[np.int32]:
    """Return the sums of products of (h - 128) and the weight's bytes. Shape: h [B, H] -> [B, 4H]."""
    size = h.shape[1]
    unpacked = weight.packed.transpose(1, 4, 2, 0, 3).reshape(-1, 4, len(weight.packed) * LANES)[:size, :, :size]
    return (h.astype(np.int32) - _ZERO) @ unpacked.reshape(size, 4 * size).astype(np.int32)


def plain_lstm(
    products: Floats, row_of: Ids, starts: Ids, lengths: Ids, weight: QuantizedWeight, direction: int, out: Floats
) -> None:
    """Write the same as ``lstm``, computed word by word."""
    size = out.shape[1] // 2
    scales = weight.scales.swapaxes(0, 1).reshape(4, -1)[:, :size].ravel()
    for start, length in zip(starts, lengths, strict=True):
        h, c = np.full(size, _ZERO, np.uint8), np.zeros(size, np.float32)
        for t in range(length):
            word = start + (t if direction == 0 else length - 1 - t)
            sums = plain_sums(h[None], weight)[0] * scales + products[row_of[word], direction]
            c, state = cell(*np.split(sums.astype(np.float32), 4), c)
            h = (state * np.float32(_ONE) + np.float32(_ZERO + 0.5)).astype(np.uint8)
            out[word, direction * size : (direction + 1) * size] = state


# Compiled code

_intrinsic: Any = intrinsic  # its type leaves out the context, which is no argument of the call
_INT, _LONG, _BYTE = ir.IntType(32), ir.IntType(64), ir.IntType(8)
_INTS, _FLOATS, _BYTES, _MASK = (ir.VectorType(kind, LANES) for kind in (_INT, ir.FloatType(), _BYTE, ir.IntType(1)))


class _Lanes:
    """A vector of floats in compiled code, with the operators of an array."""

    def __init__(self, builder: Any, value: Any) -> None:
        self.builder, self.value = builder, value

    def __add__(self, other: _Lanes | float) -> _Lanes:
        return _Lanes(self.builder, self.builder.fadd(self.value, _vector(other), flags=("contract",)))

    def __mul__(self, other: _Lanes | float) -> _Lanes:
        return _Lanes(self.builder, self.builder.fmul(self.value, _vector(other), flags=("contract",)))

    def __truediv__(self, other: _Lanes | float) -> _Lanes:
        return _Lanes(self.builder, self.builder.fdiv(self.value, _vector(other)))

    def clip(self, low: float, high: float) -> _Lanes:
        """Return the nearest numbers between low and high. NaN stays NaN."""
        value = self.value
        for order, bound in ((">", _vector(low)), ("<", _vector(high))):
            value = self.builder.select(self.builder.fcmp_unordered(order, value, bound), value, bound)
        return _Lanes(self.builder, value)


def _vector(number: _Lanes | float) -> Any:
    return number.value if isinstance(number, _Lanes) else ir.Constant(_FLOATS, [number] * LANES)


class _Code:
    """The builder of an intrinsic's code: its arguments by name, and access to those that are arrays."""

    def __init__(self, names: str, context: Any, builder: Any, signature: Any, arguments: Any) -> None:
        self.context, self.builder = context, builder
        self.kinds = dict(zip(names.split(), signature.args, strict=True))
        self.arguments = dict(zip(names.split(), arguments, strict=True))

    def numbers(self, names: str) -> list[Any]:
        """Return arguments that are whole numbers."""
        return [self.arguments[name] for name in names.split()]

    def shape(self, name: str, axis: int) -> Any:
        """Return an array's size along an axis."""
        return self.builder.extract_value(self._array(name).shape, axis)

    def at(self, kind: Any, name: str, *place: Any) -> Any:
        """Return the address of a value of this type in an array."""
        indices = [_LONG(index) if isinstance(index, int) else index for index in place]
        array = self.kinds[name], self._array(name)
        pointer = cgutils.get_item_pointer(self.context, self.builder, *array, indices)
        return self.builder.bitcast(pointer, kind.as_pointer())

    def load(self, kind: Any, name: str, *place: Any) -> Any:
        """Load the value of this type from a place in an array."""
        return self.builder.load(self.at(kind, name, *place), align=1)

    def store(self, value: Any, name: str, *place: Any) -> None:
        """Store a value to a place in an array."""
        self.builder.store(value, self.at(value.type, name, *place), align=1)

    def each(self, value: Any) -> Any:
        """Return a vector that holds one whole number everywhere."""
        nothing = ir.Constant(_INTS, ir.Undefined)
        first = self.builder.insert_element(nothing, value, _INT(0))
        return self.builder.shuffle_vector(first, nothing, ir.Constant(_INTS, None))

    def call(self, name: str, result: Any, *values: Any) -> Any:
        """Return the result of an LLVM instruction."""
        kind = ir.FunctionType(result, [value.type for value in values])
        return self.builder.call(cgutils.get_or_insert_function(self.builder.module, kind, name), values)

    def _array(self, name: str) -> Any:
        return self.context.make_array(self.kinds[name])(self.context, self.builder, self.arguments[name])


@_intrinsic
def tile(context: Any, sums: Any, rows: Any, h: Any, now: Any, packed: Any, zeros: Any, panel: Any) -> Any:
    """Compute sums[r] = zeros[panel] + h[now, r] · packed[panel] for the first ``rows`` rows, 1 to ``ROWS``."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        code = _Code("sums rows h now packed zeros panel", context, builder, signature, arguments)
        for count in range(1, ROWS + 1):
            with builder.if_then(builder.icmp_signed("==", arguments[1], _LONG(count))):
                _rows(code, count)
        return context.get_dummy_value()

    return types.void(sums, rows, h, now, packed, zeros, panel), generate


def _rows(code: _Code, rows: int) -> None:
    """Generate the code of ``tile`` for a number of rows: a loop over the depth, with the sums in registers."""
    builder, (now, panel) = code.builder, code.numbers("now panel")
    states = [code.at(_INT, "h", now, row, 0) for row in range(rows)]
    weights = code.at(_INTS, "packed", panel, 0, 0, 0, 0)
    begin = [code.load(_INTS, "zeros", panel, gate, 0) for _ in range(rows) for gate in range(4)]
    before, loop, end = builder.block, builder.append_basic_block(), builder.append_basic_block()
    builder.branch(loop)

    builder.position_at_end(loop)
    group = builder.phi(_LONG)
    running = [builder.phi(_INTS) for _ in begin]
    four = [code.each(builder.load(builder.gep(state, [group]), align=1)) for state in states]
    first = builder.shl(group, _LONG(2))
    weight = [builder.load(builder.gep(weights, [builder.add(first, _LONG(gate))]), align=1) for gate in range(4)]
    added = [
        code.call("llvm.x86.avx512.vpdpbusd.512", _INTS, total, four[number // 4], weight[number % 4])
        for number, total in enumerate(running)
    ]
    after = builder.add(group, _LONG(1))
    for phi, start, step in zip([group, *running], [_LONG(0), *begin], [after, *added], strict=True):
        phi.add_incoming(start, before)
        phi.add_incoming(step, loop)
    builder.cbranch(builder.icmp_signed("<", after, code.shape("packed", 1)), loop, end)

    builder.position_at_end(end)
    for number, total in enumerate(added):
        code.store(total, "sums", number // 4, number % 4, 0)


@_intrinsic
def cells(
    context: Any,
    sums: Any,
    scales: Any,
    panel: Any,
    products: Any,
    source: Any,
    coming: Any,
    direction: Any,
    c: Any,
    h: Any,
    then: Any,
    row: Any,
    out: Any,
    word: Any,
) -> Any:
    """Update the cells of a panel's units in one row, c[row], and write their states.

    The states go to out[word], and as bytes to h[then, row]. The sums before the gates are sums[row] and
    products[source, direction]. The next step's products[coming, direction] are prefetched.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        names = "sums scales panel products source coming direction c h then row out word"
        code = _Code(names, context, builder, signature, arguments)
        panel, source, coming, direction, then, row, word = code.numbers("panel source coming direction then row word")
        size = builder.lshr(code.shape("out", 1), _LONG(1))
        unit = builder.mul(panel, _LONG(LANES))
        left = code.each(builder.trunc(builder.sub(size, unit), _INT))
        mask = builder.icmp_signed("<", ir.Constant(_INTS, list(range(LANES))), left)
        nothing = ir.Constant(_FLOATS, [0.0] * LANES)

        def before(gate: int) -> _Lanes:
            column = builder.add(builder.mul(_LONG(gate), size), unit)
            later = code.at(_BYTE, "products", coming, direction, column)
            code.call("llvm.prefetch.p0", ir.VoidType(), later, _INT(0), _INT(2), _INT(1))
            here = code.at(_FLOATS, "products", source, direction, column)
            product = code.call(f"llvm.masked.load.v{LANES}f32.p0", _FLOATS, here, _INT(4), mask, nothing)
            total = builder.sitofp(code.load(_INTS, "sums", row, gate, 0), _FLOATS)
            scale = _Lanes(builder, code.load(_FLOATS, "scales", panel, gate, 0))
            return _Lanes(builder, total) * scale + _Lanes(builder, product)

        old = _Lanes(builder, code.load(_FLOATS, "c", row, unit))
        new, state = cell(before(0), before(1), before(2), before(3), old)
        code.store(new.value, "c", row, unit)
        there = code.at(_FLOATS, "out", word, builder.add(builder.mul(direction, size), unit))
        code.call(f"llvm.masked.store.v{LANES}f32.p0", ir.VoidType(), state.value, there, _INT(4), mask)
        bytes_of = builder.fptosi((state * _ONE + (_ZERO + 0.5)).value, _INTS)
        code.store(builder.trunc(bytes_of, _BYTES), "h", then, row, unit)
        return context.get_dummy_value()

    return types.void(sums, scales, panel, products, source, coming, direction, c, h, then, row, out, word), generate


@kernel
def lstm(
    products: Floats, row_of: Ids, starts: Ids, lengths: Ids, weight: QuantizedWeight, direction: int, out: Floats
) -> None:
    """Write the hidden states of one direction (0 forwards, 1 backwards) to ``out``, from initial state 0.

    Shape: products [M, 2, 4H], the input products of both directions; row_of [N], the row of each word; starts and
    lengths [B], the words of each sentence, longest first; the state weight of this direction; out [N, 2H], of which
    this direction fills its half. Floats are float32, arrays C-contiguous.
    """
    packed, scales, zeros = weight
    panels = len(packed)
    sums = np.empty((ROWS, 4, LANES), np.int32)
    c = np.empty((ROWS, panels * LANES), np.float32)
    h = np.empty((2, ROWS, panels * LANES), np.uint8)  # the states before and after a step
    words, coming = np.empty(ROWS, np.int64), np.empty(ROWS, np.int64)
    for block in range(0, len(lengths), ROWS):
        c[:] = 0
        rows = min(ROWS, len(lengths) - block)
        for t in range(lengths[block]):
            while lengths[block + rows - 1] <= t:
                rows -= 1
            for row in range(rows):
                start, length = starts[block + row], lengths[block + row]
                words[row] = word_at(start, length, t, direction)
                coming[row] = word_at(start, length, min(t + 1, length - 1), direction)
            now, then = t & 1, (t + 1) & 1
            for panel in range(panels):
                if t == 0:
                    sums[:] = 0
                else:
                    tile(sums, rows, h, now, packed, zeros, panel)
                for row in range(rows):
                    given = products, row_of[words[row]], row_of[coming[row]], direction
                    cells(sums, scales, panel, *given, c, h, then, row, out, words[row])
