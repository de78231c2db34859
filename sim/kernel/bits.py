"""`sim.runtime.plain.float_bits` in compiled code: a double's register read as a whole number (LLVM's `bitcast`)."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic, overload

from sim.runtime.plain import float_bits


@intrinsic
def bits_of(context: Any, value: Any) -> Any:
    """The bits of a double."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.bitcast(args[0], ir.IntType(64))

    return types.int64(types.float64), codegen


@overload(float_bits)
def _float_bits(value: Any) -> Any:
    if not isinstance(value, types.Float):
        return None

    def found(value: Any) -> int:
        return bits_of(value)  # type: ignore[call-arg, no-any-return] # numba hands the context in

    return found


FLOAT_BITS = float_bits  # what compiled code calls: numba takes the overload above
