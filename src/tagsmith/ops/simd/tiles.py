"""Matrix products inside compiled code: tiles of a few rows by one panel of columns, held in vector registers.

A weight [D, C] is packed into panels of ``PANEL`` columns, so that a tile reads it sequentially. Every sum runs over
the
depth in the same order, so a row's result is bit-identical whatever rows it is computed with. (No BLAS promises that.)
"""

from __future__ import annotations

from typing import Any

import llvmlite.binding as llvm
import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from tagsmith.ops.simd.compiling import kernel
from tagsmith.tensors import Floats


def _lanes_and_vectors() -> tuple[int, int]:
    """Return the floats in a vector register, and the registers per row of a tile; 6 rows fill them."""
    features = llvm.get_host_cpu_features()
    if features.get("avx512f"):
        return 16, 4  # 24 of 32 registers
    if features.get("avx"):
        return 8, 2  # 12 of 16
    return 4, 4  # 24 of 32 on Arm


LANES, VECTORS = _lanes_and_vectors()
PANEL = LANES * VECTORS
"""Columns in a panel."""
ROWS = 6
"""Rows in a tile, at most."""


@kernel
def pack(weight: Floats) -> Floats:
    """Return a weight packed for the kernels, padded with zeros. Shape: [D, C] -> [panels, D, PANEL]."""
    depth, columns = weight.shape
    packed = np.zeros((-(-columns // PANEL), depth, PANEL), np.float32)
    for panel in range(len(packed)):
        first = panel * PANEL
        for k in range(depth):
            for c in range(min(PANEL, columns - first)):
                packed[panel, k, c] = weight[k, first + c]
    return packed


@kernel
def pack_transposed(weight: Floats) -> Floats:
    """Return the packed transpose of a weight. Shape: [C, D] -> [panels, D, PANEL]."""
    columns, depth = weight.shape
    packed = np.zeros((-(-columns // PANEL), depth, PANEL), np.float32)
    for panel in range(len(packed)):
        first = panel * PANEL
        for block in range(0, depth, LANES):  # a cache line of each of the weight's rows
            for k in range(block, min(block + LANES, depth)):
                for c in range(min(PANEL, columns - first)):
                    packed[panel, k, c] = weight[first + c, k]
    return packed


def _tile(vectors: int) -> Any:
    """Return the intrinsic for tiles with this number of vectors per row. It has a body for each number of rows."""

    @intrinsic
    def tile(context: Any, out: Any, out_row: Any, column: Any, a: Any, a_row: Any, rows: Any, weight: Any) -> Any:
        """Add to out[out_row + r, column:] a[a_row + r] · weight's columns from there, for r below ``rows``."""

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            arrays = {i: context.make_array(signature.args[i])(context, builder, arguments[i]) for i in (0, 3, 6)}
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
            panel, within = builder.udiv(arguments[2], word(PANEL)), builder.urem(arguments[2], word(PANEL))
            begin = at(6, builder.mul(panel, depth), within)

            def add(rows: int, end: Any) -> None:
                """Emit the tile with this number of rows. It ends in a jump to ``end``."""
                outs = [at(0, builder.add(arguments[1], word(r)), arguments[2]) for r in range(rows)]
                sources = [at(3, builder.add(arguments[4], word(r)), word(0)) for r in range(rows)]
                places = [vector_at(outs[r], v) for r in range(rows) for v in range(vectors)]
                first = builder.block
                sums = [load(place) for place in places]
                loop, store = builder.append_basic_block("depth"), builder.append_basic_block("store")
                builder.branch(loop)

                builder.position_at_end(loop)
                k = builder.phi(word)
                running = [builder.phi(vector) for _ in sums]
                weights_at = builder.gep(begin, [builder.mul(k, word(PANEL))])
                weights = [load(vector_at(weights_at, v)) for v in range(vectors)]
                added = []
                for r in range(rows):
                    single = builder.load(builder.gep(sources[r], [k]))
                    nothing = ir.Constant(vector, ir.Undefined)
                    lane = builder.insert_element(nothing, single, ir.IntType(32)(0))
                    zeros = ir.Constant(ir.VectorType(ir.IntType(32), LANES), None)
                    every = builder.shuffle_vector(lane, nothing, zeros)
                    for v in range(vectors):
                        added.append(builder.call(multiply_add, [every, weights[v], running[r * vectors + v]]))
                after = builder.add(k, word(1))
                for phi, start, step in zip([k, *running], [word(0), *sums], [after, *added], strict=True):
                    phi.add_incoming(start, first)
                    phi.add_incoming(step, loop)
                builder.cbranch(builder.icmp_signed("<", after, depth), loop, store)

                builder.position_at_end(store)
                for place, total in zip(places, added, strict=True):
                    builder.store(total, place).align = 4
                builder.branch(end)

            done = builder.append_basic_block("done")
            cases = builder.switch(arguments[5], done)
            for count in range(1, ROWS + 1):
                case = builder.append_basic_block(f"rows_{count}")
                cases.add_case(word(count), case)
                builder.position_at_end(case)
                add(count, done)
            builder.position_at_end(done)
            return context.get_dummy_value()

        return types.void(out, out_row, column, a, a_row, rows, weight), generate

    return tile


_panel_tile, _vector_tile = _tile(VECTORS), _tile(1)


@kernel
def whole_vectors(columns: int) -> int:
    """Return a number of columns rounded up to whole vectors: the width of a product's ``out``."""
    return -(-columns // LANES) * LANES


@kernel
def add_product(out: Floats, out_row: int, a: Floats, a_row: int, rows: int, weight: Floats) -> None:
    """Add a[a_row:][:rows] · weight to out[out_row:][:rows], for at most ``ROWS`` rows.

    Shape: out [·, W], a [·, D], weight [panels, D, PANEL] (see ``pack``); all C-contiguous, float32. W is a multiple of
    ``LANES``, at most panels * PANEL: this number of columns is computed.
    """
    for column in range(0, out.shape[1], PANEL):
        if column + PANEL <= out.shape[1]:
            _panel_tile(out, out_row, column, a, a_row, rows, weight)
        else:
            for narrow in range(column, out.shape[1], LANES):
                _vector_tile(out, out_row, narrow, a, a_row, rows, weight)


@kernel
def product(a: Floats, weight: Floats, bias: Floats) -> Floats:
    """Return a · weight + bias. Shape: a [N, D], weight [panels, D, PANEL], bias [W] -> [N, W]."""
    out = np.empty((len(a), len(bias)), np.float32)
    out[:] = bias
    # A panel stays in the second-level cache while all rows go by.
    for row in range(0, len(a), ROWS):
        add_product(out, row, a, row, min(ROWS, len(a) - row), weight)
    return out
