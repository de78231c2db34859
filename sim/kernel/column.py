"""Columns of the kernel in compiled code: a pointer and a length, at any stride, every index from 0 on.

numba's own array would wrap a negative index, load seven words for each use and let LLVM fear that any store changes
any array. A `ColumnType` knows its stride (fields of one record lie side by side, so that an event touches few cache
lines) and its name: no two columns of different names share memory, which LLVM hears as a type of its own (type based
alias analysis, LLVM language reference, `tbaa`). Whole numbers come out as int64, whatever their width.
"""

from __future__ import annotations

import operator
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core.typing.templates import AbstractTemplate, infer_global, signature
from numba.extending import lower_builtin, models, register_model

WHOLE = (np.dtype(np.int64), np.dtype(np.int32), np.dtype(np.int16), np.dtype(np.int8))
REAL = np.dtype(np.float64)
COLUMN_WORDS = 2
ROOT = "columns"


class ColumnType(types.Type):  # type: ignore[misc] # numba has no types
    """A column named `of` of numbers `stride` bytes apart."""

    def __init__(self, dtype: np.dtype[Any], stride: int, of: str) -> None:
        self.dtype, self.stride, self.of = dtype, stride, of
        self.item = types.float64 if dtype == REAL else types.int64
        super().__init__(name=f"Column[{of},{dtype},{stride}]")


@register_model(ColumnType)
class ColumnModel(models.StructModel):  # type: ignore[misc]
    """Where it begins, and how many there are."""

    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, [("data", types.voidptr), ("length", types.int64)])


def is_column(value: Any) -> bool:
    """Whether an array can be one."""
    return isinstance(value, np.ndarray) and value.ndim == 1 and value.dtype in (*WHOLE, REAL)


@infer_global(operator.getitem)
class ColumnGet(AbstractTemplate):  # type: ignore[misc]
    """column[index]"""

    def generic(self, args: Any, kws: Any) -> Any:
        """Its signature, None for other arguments."""
        column, index = args
        if isinstance(column, ColumnType) and isinstance(index, types.Integer):
            return signature(column.item, column, types.int64)
        return None


@infer_global(operator.setitem)
class ColumnSet(AbstractTemplate):  # type: ignore[misc]
    """column[index] = value"""

    def generic(self, args: Any, kws: Any) -> Any:
        """Its signature, None for other arguments."""
        column, index, value = args
        if isinstance(column, ColumnType) and isinstance(index, types.Integer) and isinstance(value, types.Number):
            return signature(types.none, column, types.int64, column.item)
        return None


@infer_global(len)
class ColumnLength(AbstractTemplate):  # type: ignore[misc]
    """len(column)"""

    def generic(self, args: Any, kws: Any) -> Any:
        """Its signature, None for other arguments."""
        return signature(types.intp, *args) if len(args) == 1 and isinstance(args[0], ColumnType) else None


def _cell(builder: Any, kind: Any, column: Any, index: Any) -> tuple[Any, Any]:
    """Pointer to an entry, and what tells LLVM that it lies in this column."""
    word = ir.DoubleType() if kind.dtype == REAL else ir.IntType(8 * kind.dtype.itemsize)
    offset = builder.mul(index, ir.Constant(index.type, kind.stride), flags=("nsw",))
    at = builder.gep(builder.extract_value(column, 0), [offset], inbounds=True)
    module = builder.module
    root = module.add_metadata([ir.MetaDataString(module, ROOT)])
    leaf = module.add_metadata([ir.MetaDataString(module, kind.of), root, ir.Constant(ir.IntType(64), 0)])
    tag = module.add_metadata([leaf, leaf, ir.Constant(ir.IntType(64), 0)])
    return builder.bitcast(at, word.as_pointer()), tag


@lower_builtin(operator.getitem, ColumnType, types.Integer)
def _get(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    at, tag = _cell(builder, sig.args[0], *args)
    found = builder.load(at)
    found.set_metadata("tbaa", tag)
    return found if sig.return_type == types.float64 or found.type.width == 64 else builder.sext(found, ir.IntType(64))


@lower_builtin(operator.setitem, ColumnType, types.Integer, types.Number)
def _set(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    column, index, value = args
    at, tag = _cell(builder, sig.args[0], column, index)
    if isinstance(at.type.pointee, ir.IntType) and at.type.pointee.width < 64:
        value = builder.trunc(value, at.type.pointee)
    builder.store(value, at).set_metadata("tbaa", tag)
    return context.get_dummy_value()


@lower_builtin(len, ColumnType)
def _length(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    return builder.extract_value(args[0], 1)
