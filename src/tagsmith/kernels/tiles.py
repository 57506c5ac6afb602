"""Matrix products inside compiled code: tiles of a few rows by one panel of columns, held in vector registers.

A weight [D, C] is packed into panels of ``PANEL`` columns, one after another, so that a tile reads it from front to
back. Every sum runs over the depth in one order, so a row's result is the same, to the bit, whatever rows it is
computed with. (A BLAS promises no such thing.)
"""

from __future__ import annotations

from typing import Any

import llvmlite.binding as llvm
import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from tagsmith.kernels.compiling import kernel
from tagsmith.kernels.reference import Floats


def _lanes_and_vectors() -> tuple[int, int]:
    """Floats in a vector register, and how many of them a row of a tile has: with 6 rows, the registers hold a tile."""
    features = llvm.get_host_cpu_features()
    if features.get("avx512f"):
        return 16, 4  # 24 of 32 registers
    if features.get("avx"):
        return 8, 2  # 12 of 16
    return 4, 4  # 24 of 32 on Arm


LANES, VECTORS = _lanes_and_vectors()
PANEL = LANES * VECTORS
"""Columns in a panel, at most."""
ROWS = 6
"""Rows in a tile, at most."""


def pack(weight: Floats) -> Floats:
    """A weight as the kernels read it: panels of columns, zeros after the last.

    Shape: [D, C] -> [panels, D, PANEL], or one panel half as wide for as few columns as a head of few tags has.
    """
    depth, columns = weight.shape
    width = PANEL // 2 if columns <= PANEL // 2 else PANEL
    panels = -(-columns // width)
    padded = np.zeros((depth, panels * width), np.float32)
    padded[:, :columns] = weight
    return np.ascontiguousarray(padded.reshape(depth, panels, width).swapaxes(0, 1))


def _tile(rows: int, vectors: int) -> Any:
    """The intrinsic for so many rows, and panels of so many vectors."""

    @intrinsic
    def tile(context: Any, out: Any, out_row: Any, column: Any, a: Any, a_row: Any, weight: Any, panel: Any) -> Any:
        """out[out_row + r, column + c] += a[a_row + r] · weight[panel, :, c], for every row r of the tile."""

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            arrays = {i: context.make_array(signature.args[i])(context, builder, arguments[i]) for i in (0, 3, 5)}
            vector, word = ir.VectorType(ir.FloatType(), LANES), ir.IntType(64)
            multiply_add = cgutils.get_or_insert_function(
                builder.module, ir.FunctionType(vector, [vector] * 3), f"llvm.fmuladd.v{LANES}f32"
            )

            def at(array: int, row: Any, place: Any) -> Any:
                width = builder.extract_value(arrays[array].shape, arrays[array].shape.type.count - 1)
                return builder.gep(arrays[array].data, [builder.add(builder.mul(row, width), place)])

            def vector_at(pointer: Any, number: int) -> Any:
                return builder.bitcast(builder.gep(pointer, [word(number * LANES)]), vector.as_pointer())

            def load(pointer: Any) -> Any:
                loaded = builder.load(pointer)
                loaded.align = 4
                return loaded

            depth = builder.extract_value(arrays[3].shape, 1)
            outs = [at(0, builder.add(arguments[1], word(r)), arguments[2]) for r in range(rows)]
            sources = [at(3, builder.add(arguments[4], word(r)), word(0)) for r in range(rows)]
            places = [vector_at(outs[r], v) for r in range(rows) for v in range(vectors)]
            first = builder.block
            sums = [load(place) for place in places]
            begin = at(5, builder.mul(arguments[6], depth), word(0))
            loop, end = builder.append_basic_block("depth"), builder.append_basic_block("end")
            builder.branch(loop)

            builder.position_at_end(loop)
            k = builder.phi(word)
            running = [builder.phi(vector) for _ in sums]
            weights_at = builder.gep(begin, [builder.mul(k, word(vectors * LANES))])
            weights = [load(vector_at(weights_at, v)) for v in range(vectors)]
            added = []
            for r in range(rows):
                single = builder.load(builder.gep(sources[r], [k]))
                nothing = ir.Constant(vector, ir.Undefined)
                lane = builder.insert_element(nothing, single, ir.IntType(32)(0))
                every = builder.shuffle_vector(lane, nothing, ir.Constant(ir.VectorType(ir.IntType(32), LANES), None))
                for v in range(vectors):
                    added.append(builder.call(multiply_add, [every, weights[v], running[r * vectors + v]]))
            after = builder.add(k, word(1))
            for phi, start, step in zip([k, *running], [word(0), *sums], [after, *added], strict=True):
                phi.add_incoming(start, first)
                phi.add_incoming(step, loop)
            builder.cbranch(builder.icmp_signed("<", after, depth), loop, end)

            builder.position_at_end(end)
            for place, total in zip(places, added, strict=True):
                builder.store(total, place).align = 4
            return context.get_dummy_value()

        return types.void(out, out_row, column, a, a_row, weight, panel), generate

    return tile


_tile_1, _tile_2, _tile_3, _tile_4, _tile_5, _tile_6 = (_tile(rows, VECTORS) for rows in range(1, ROWS + 1))
_half_1, _half_2, _half_3, _half_4, _half_5, _half_6 = (_tile(rows, VECTORS // 2) for rows in range(1, ROWS + 1))


@kernel
def add_product(out: Floats, out_row: int, a: Floats, a_row: int, rows: int, weight: Floats) -> None:
    """out[out_row:][:rows] += a[a_row:][:rows] · weight, for at most ``ROWS`` rows.

    Shape: out [·, panels * width], a [·, D], weight [panels, D, width] (see ``pack``); all C-contiguous, float32.
    """
    if weight.shape[2] < PANEL:
        if rows == 6:
            _half_6(out, out_row, 0, a, a_row, weight, 0)
        elif rows == 5:
            _half_5(out, out_row, 0, a, a_row, weight, 0)
        elif rows == 4:
            _half_4(out, out_row, 0, a, a_row, weight, 0)
        elif rows == 3:
            _half_3(out, out_row, 0, a, a_row, weight, 0)
        elif rows == 2:
            _half_2(out, out_row, 0, a, a_row, weight, 0)
        elif rows == 1:
            _half_1(out, out_row, 0, a, a_row, weight, 0)
        return
    for panel in range(len(weight)):
        column = panel * PANEL
        if rows == 6:
            _tile_6(out, out_row, column, a, a_row, weight, panel)
        elif rows == 5:
            _tile_5(out, out_row, column, a, a_row, weight, panel)
        elif rows == 4:
            _tile_4(out, out_row, column, a, a_row, weight, panel)
        elif rows == 3:
            _tile_3(out, out_row, column, a, a_row, weight, panel)
        elif rows == 2:
            _tile_2(out, out_row, column, a, a_row, weight, panel)
        elif rows == 1:
            _tile_1(out, out_row, column, a, a_row, weight, panel)


@kernel
def product(a: Floats, weight: Floats, bias: Floats) -> Floats:
    """a · weight + bias. Shape: a [N, D], weight [panels, D, PANEL], bias [panels * PANEL] -> [N, panels * PANEL]."""
    out = np.empty((len(a), len(bias)), np.float32)
    out[:] = bias
    # A panel stays in the second-level cache while all rows go by.
    for row in range(0, len(a), ROWS):
        add_product(out, row, a, row, min(ROWS, len(a) - row), weight)
    return out
