"""`sim.runtime.plain.touch` in compiled code: `llvm.prefetch` of an entry of a column or of numba's array."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic, overload

from sim.kernel.column import ColumnType
from sim.runtime.plain import touch

READ_AND_KEEP = (0, 3, 1)  # of llvm.prefetch: a read, of lasting use, data


def prefetch(builder: Any, at: Any) -> None:
    """Ask for the line of an address."""
    words = [ir.IntType(32)(number) for number in READ_AND_KEEP]
    kind = ir.FunctionType(ir.VoidType(), [at.type, *(word.type for word in words)])
    builder.call(builder.module.declare_intrinsic("llvm.prefetch", (at.type,), kind), [at, *words])


@intrinsic
def touch_entry(context: Any, column: Any, index: Any) -> Any:
    """The line of `column[index]`; an index is not wrapped."""
    is_column = isinstance(column, ColumnType)
    stride = column.stride if is_column else column.dtype.bitwidth // 8

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        array = None if is_column else context.make_array(column)(context, builder, args[0])
        data = builder.extract_value(args[0], 0) if array is None else array.data
        first = builder.bitcast(data, ir.IntType(8).as_pointer())
        prefetch(builder, builder.gep(first, [builder.mul(args[1], ir.Constant(args[1].type, stride))]))
        return context.get_dummy_value()

    return types.none(column, types.int64), codegen


@overload(touch)
def _touch(column: Any, index: Any) -> Any:
    if not isinstance(column, ColumnType | types.Array):
        return None

    def touched(column: Any, index: Any) -> None:
        touch_entry(column, index)  # type: ignore[call-arg] # numba hands the context in

    return touched


TOUCHED = touch  # what compiled code calls: numba takes the overload above
