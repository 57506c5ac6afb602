"""Vectors of float64 inside compiled code, for loops that must use vector instructions only.

``load`` and ``store`` move LANES numbers between a row and a vector. + - * / and the functions below work lane by lane.
Rows are padded to whole vectors, so a loop over a row needs no remainder and no bounds checks.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.core.datamodel import models
from numba.core.typing.templates import ConcreteTemplate, infer_global, signature
from numba.extending import intrinsic, lower_builtin, register_model

LANES = 8
"""Numbers in a vector: as many as the widest register holds. Narrower processors use two or four registers."""

_DOUBLE, _WORD = ir.DoubleType(), ir.IntType(64)
_DOUBLES, _WORDS = ir.VectorType(_DOUBLE, LANES), ir.VectorType(_WORD, LANES)

_LOG2_E = 1.4426950408889634
_LN2, _LN2_REST = 6.93147180369123816490e-01, 1.90821492927058770002e-10  # k times the first is exact for small k
_ROUND = 6755399441055744.0  # 1.5 * 2^52: a sum with it is a whole number, which stands in its lowest bits
_FRACTION = 52  # bits below the exponent
_ONE, _ROOT_HALF, _ROUND_BITS = 0x3FF0000000000000, 0x3FE6A09E667F3BCD, 0x4338000000000000
_LEAST = -708.0  # exp of less is not a normal number
_EXP = [1 / math.factorial(degree) for degree in range(14)]
_LOG = [
    6.666666666666735130e-01,
    3.999999999940941908e-01,
    2.857142874366239149e-01,
    2.222219843214978396e-01,
    1.818357216161805012e-01,
    1.531383769920937332e-01,
    1.479819860511658591e-01,
]


class Vector(types.Type):
    """The Numba type of LANES float64 numbers."""


_vector = Vector("vector")


@register_model(Vector)
class _VectorModel(models.PrimitiveModel):
    def __init__(self, manager: Any, of: Any) -> None:
        super().__init__(manager, of, _DOUBLES)


def _operator(function: Callable[[Any, Any], Any], instruction: str) -> None:
    template: Any = type(instruction, (ConcreteTemplate,), {"cases": [signature(_vector, _vector, _vector)]})
    register: Any = infer_global(function)
    register(template)

    @lower_builtin(function, _vector, _vector)
    def lower(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return getattr(builder, instruction)(*arguments)


_operator(operator.add, "fadd")
_operator(operator.sub, "fsub")
_operator(operator.mul, "fmul")
_operator(operator.truediv, "fdiv")


# Decorators of type Any: to a reader of types, what they make would still take a builder.
_intrinsic: Any = intrinsic


def _lane_by_lane(build: Callable[..., Any], result: types.Type = _vector) -> Any:
    """Return the vector function whose instructions ``build`` emits."""

    @wraps(build)  # whose signature Numba looks at
    def typed(context: Any, *vectors: Any) -> Any:
        return result(*vectors), lambda _, builder, __, arguments: build(builder, *arguments)

    return _intrinsic(typed)


def _to_a_number(build: Callable[..., Any]) -> Any:
    return _lane_by_lane(build, types.float64)


@_intrinsic
def load(context: Any, row: Any, place: Any) -> Any:
    """Return the vector at ``row[place : place + LANES]``. The row must be contiguous."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        loaded = builder.load(_pointer(context, builder, signature, arguments))
        loaded.align = 8
        return loaded

    return _vector(row, types.intp), generate


@_intrinsic
def store(context: Any, row: Any, place: Any, vector: Any) -> Any:
    """Set ``row[place : place + LANES] = vector``. The row must be contiguous."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        builder.store(arguments[2], _pointer(context, builder, signature, arguments)).align = 8
        return context.get_dummy_value()

    return types.void(row, types.intp, vector), generate


@_intrinsic
def broadcast(context: Any, x: Any) -> Any:
    """Return a vector with one number in every lane."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        nothing = ir.Constant(_DOUBLES, ir.Undefined)
        lane = builder.insert_element(nothing, arguments[0], ir.IntType(32)(0))
        return builder.shuffle_vector(lane, nothing, ir.Constant(ir.VectorType(ir.IntType(32), LANES), None))

    return _vector(types.float64), generate


@_lane_by_lane
def multiply_add(builder: Any, a: Any, b: Any, c: Any) -> Any:
    """Return a * b + c, rounded once where the processor can."""
    return _fused(builder, a, b, c)


@_lane_by_lane
def maximum(builder: Any, a: Any, b: Any) -> Any:
    """Return the higher of two numbers, or b where one of them is NaN."""
    return _choose(builder, ">", a, b, a, b)


@_to_a_number
def highest(builder: Any, a: Any) -> Any:
    """Return the highest number of a vector without NaN."""
    return _fold(builder, a, lambda low, high: _choose(builder, ">", low, high, low, high))


@_to_a_number
def total(builder: Any, a: Any) -> Any:
    """Return the sum of a vector."""
    return _fold(builder, a, builder.fadd)


@_lane_by_lane
def exp(builder: Any, x: Any) -> Any:
    """Return exp(x) for x up to 700, with a relative error of 4e-16; 0 below -708. NaN stays NaN.

    Source: x = k ln 2 + r; Taylor's polynomial of degree 13 for exp(r), |r| up to ln 2 / 2, times 2^k.
    """
    least = _every(_LEAST)
    bounded = _choose(builder, "<", x, least, least, x)
    shifted = _fused(builder, bounded, _every(_LOG2_E), _every(_ROUND))
    k = builder.fsub(shifted, _every(_ROUND))
    r = _fused(builder, k, _every(-_LN2_REST), _fused(builder, k, _every(-_LN2), bounded))
    bits = builder.shl(builder.bitcast(shifted, _WORDS), _every_word(_FRACTION))
    power = builder.bitcast(builder.add(bits, _every_word(_ONE)), _DOUBLES)
    found = builder.fmul(_polynomial(builder, r, _EXP), power)
    return _choose(builder, "<", x, least, _every(0.0), found)


@_lane_by_lane
def log(builder: Any, x: Any) -> Any:
    """Return log(x) of 0 (-inf), a normal number or inf, within 4e-16 absolute or relative. NaN stays NaN.

    Source: x = 2^k (1 + f), 1 + f from sqrt(1/2) to sqrt(2); the series in f / (2 + f) of FreeBSD's e_log.c.
    """
    bits = builder.bitcast(x, _WORDS)
    scale = builder.ashr(builder.sub(bits, _every_word(_ROOT_HALF)), _every_word(_FRACTION))
    k = builder.fsub(builder.bitcast(builder.add(scale, _every_word(_ROUND_BITS)), _DOUBLES), _every(_ROUND))
    scaled = builder.bitcast(builder.sub(bits, builder.shl(scale, _every_word(_FRACTION))), _DOUBLES)
    f = builder.fsub(scaled, _every(1.0))
    s = builder.fdiv(f, builder.fadd(f, _every(2.0)))
    z = builder.fmul(s, s)
    half = builder.fmul(builder.fmul(f, f), _every(0.5))
    series = _fused(builder, _polynomial(builder, z, _LOG), z, half)
    rest = builder.fsub(half, _fused(builder, s, series, builder.fmul(k, _every(_LN2_REST))))
    found = _fused(builder, k, _every(_LN2), builder.fsub(f, rest))
    found = _choose(builder, "==", x, _every(0.0), _every(-math.inf), found)
    return _choose(builder, "<", x, _every(math.inf), found, x)


def _pointer(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    """Return a pointer to the element of a row (first argument) at a place (second argument)."""
    row = context.make_array(signature.args[0])(context, builder, arguments[0])
    return builder.bitcast(builder.gep(row.data, [arguments[1]]), _DOUBLES.as_pointer())


def _every(x: float) -> Any:
    return ir.Constant(_DOUBLES, [x] * LANES)


def _every_word(x: int) -> Any:
    return ir.Constant(_WORDS, [x] * LANES)


def _fused(builder: Any, a: Any, b: Any, c: Any) -> Any:
    function, name = ir.FunctionType(_DOUBLES, [_DOUBLES] * 3), f"llvm.fmuladd.v{LANES}f64"
    return builder.call(cgutils.get_or_insert_function(builder.module, function, name), [a, b, c])


def _choose(builder: Any, comparison: str, a: Any, b: Any, yes: Any, no: Any) -> Any:
    """Return ``yes`` where the comparison of a and b holds, else ``no``. It never holds for NaN."""
    return builder.select(builder.fcmp_ordered(comparison, a, b), yes, no)


def _polynomial(builder: Any, x: Any, coefficients: Sequence[float]) -> Any:
    """Return the sum of coefficients[n] x^n, by Horner's rule in x^2 for even and odd n in parallel."""
    square = builder.fmul(x, x)
    halves = []
    for own in (coefficients[::2], coefficients[1::2]):
        value = _every(own[-1])
        for coefficient in own[-2::-1]:
            value = _fused(builder, value, square, _every(coefficient))
        halves.append(value)
    return _fused(builder, halves[1], x, halves[0])


def _fold(builder: Any, vector: Any, join: Callable[[Any, Any], Any]) -> Any:
    """Reduce a vector to one number: join its halves lane by lane until one lane is left."""
    size = LANES
    while size > 1:
        size //= 2
        halves = [ir.Constant(ir.VectorType(ir.IntType(32), size), list(range(i, i + size))) for i in (0, size)]
        vector = join(*(builder.shuffle_vector(vector, vector, half) for half in halves))
    return builder.extract_element(vector, ir.IntType(32)(0))
