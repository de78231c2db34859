"""Python objects as structs of compiled code, over the same memory.

`type_of(obj)` is the numba type that an object with `__slots__` gets, `Structs` lays such structs out in words of 8
bytes: arrays are shared (no copy, no owner: whoever made the struct keeps them alive), numbers are copied in and can be
read back (`pull`, `push`), nested objects become addresses. Arrays and functions lie there as numba's own models have
them, which a test holds. A struct of our own instead of numba's structref counts no references, and needs no
compilation to be made.
"""

from __future__ import annotations

import hashlib
from array import array
from dataclasses import dataclass
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core.imputils import lower_getattr_generic, lower_setattr_generic
from numba.core.typing.templates import AttributeTemplate
from numba.extending import infer_getattr, intrinsic, models, overload, register_model

from sim.kernel.column import COLUMN_WORDS, ColumnType, is_column
from sim.kernel.errors import CannotCompile
from sim.kernel.fields import Fields
from sim.runtime.plain import Row, item

KINDS = {"q": types.int64[::1], "d": types.float64[::1], "i": types.int32[::1], "b": types.int8[::1]}
DTYPES = {
    np.dtype(np.int64): types.int64[::1],
    np.dtype(np.int32): types.int32[::1],
    np.dtype(np.int8): types.int8[::1],
    np.dtype(np.float64): types.float64[::1],
}
ADDRESS = types.int64
ARRAY_WORDS, RULE_WORDS = 7, 3


class StructType(types.Type):  # type: ignore[misc] # numba has no types
    """A slotted object's type in compiled code, a pointer to its words: equal fields, equal type; owns nothing."""

    def __init__(self, fields: tuple[tuple[str, Any], ...], steady: bool = False) -> None:
        self.fields, self.steady = fields, steady
        self.of = dict(fields)
        digest = hashlib.blake2b(repr((fields, steady)).encode(), digest_size=12).hexdigest()
        super().__init__(name=f"Struct[{digest}]")

    @property
    def key(self) -> Any:
        """What makes two types equal."""
        return self.name  # a digest of the fields: hashed at every look-up of a type

    def place(self, name: str) -> tuple[int, Any]:
        """First word and type of a field."""
        at = 0
        for field, kind in self.fields:
            if field == name:
                return at, kind
            at += words_of(kind)
        raise AttributeError(name)


@register_model(StructType)
class StructModel(models.PrimitiveModel):  # type: ignore[misc]
    """The address, as an integer."""

    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, ir.IntType(64))


@infer_getattr
class StructAttributes(AttributeTemplate):  # type: ignore[misc]
    """Fields by name."""

    key = StructType

    def generic_resolve(self, struct: Any, attribute: str) -> Any:  # type: ignore[override]
        """The type of a field, None for none."""
        return struct.of.get(attribute)


def field_pointer(context: Any, builder: Any, struct_type: Any, struct: Any, name: str) -> tuple[Any, Any]:
    """Where a field lies, and its type."""
    place, kind = struct_type.place(name)
    at = builder.add(struct, ir.Constant(struct.type, 8 * place))
    return builder.inttoptr(at, context.get_data_type(kind).as_pointer()), kind


@lower_getattr_generic(StructType)
def _get_field(context: Any, builder: Any, struct_type: Any, struct: Any, name: str) -> Any:
    at, kind = field_pointer(context, builder, struct_type, struct, name)
    if isinstance(kind, types.Number) and not struct_type.steady:
        return context.unpack_value(builder, kind, at)
    return _steady(builder, context.get_value_type(kind), at)


def _steady(builder: Any, layout: Any, at: Any) -> Any:
    """Load what stays as long as compiled code runs, word by word, and tell LLVM so."""
    if isinstance(layout, ir.LiteralStructType | ir.ArrayType):
        value = ir.Constant(layout, ir.Undefined)
        zero = ir.Constant(ir.IntType(32), 0)
        for place in range(len(layout.elements) if isinstance(layout, ir.LiteralStructType) else layout.count):
            part = layout.elements[place] if isinstance(layout, ir.LiteralStructType) else layout.element
            where = builder.gep(at, [zero, ir.Constant(ir.IntType(32), place)])
            value = builder.insert_value(value, _steady(builder, part, where), place)
        return value
    load = builder.load(at)
    load.set_metadata("invariant.load", builder.module.add_metadata([]))
    return load


@lower_setattr_generic(StructType)
def _set_field(context: Any, builder: Any, signature: Any, args: Any, name: str) -> None:
    struct, value = args
    if signature.args[0].steady:
        raise TypeError(f"{name}: a field of the kernel's own structs is not set by compiled code")
    at, kind = field_pointer(context, builder, signature.args[0], struct, name)
    context.pack_value(builder, kind, context.cast(builder, value, signature.args[1], kind), at)


def words_of(kind: Any) -> int:
    """How many words a field takes."""
    if isinstance(kind, ColumnType):
        return COLUMN_WORDS
    return ARRAY_WORDS if isinstance(kind, types.Array) else RULE_WORDS if isinstance(kind, types.FunctionType) else 1


@dataclass(frozen=True, slots=True)
class Rule:
    """A compiled function as a value (`numba.cfunc`): a field that holds one is called through its pointer."""

    compiled: Any
    signature: Any


@dataclass(frozen=True, slots=True)
class Address:
    """An object whose place alone is of interest: its type does not enter the type of who points at it."""

    obj: Any


def fields_of(obj: Any) -> list[tuple[str, Any]]:
    """The fields that a struct has: all slots that are set and not None, base classes last."""
    names = [name for cls in type(obj).__mro__ for name in getattr(cls, "__slots__", ())]
    found = [(name, getattr(obj, name, None)) for name in names]
    return [(name, value) for name, value in found if value is not None]


def type_of(obj: Any) -> Any:
    """The numba type that a value gets; raises `CannotCompile` for what has none."""
    if isinstance(obj, array):
        return KINDS[obj.typecode]
    if isinstance(obj, np.ndarray) and obj.dtype in DTYPES and obj.flags.c_contiguous and obj.ndim == 1:
        return DTYPES[obj.dtype]
    if isinstance(obj, bool | int | np.integer | Address):
        return types.int64
    if isinstance(obj, float):
        return types.float64
    if isinstance(obj, Rule):
        return types.FunctionType(obj.signature)
    if isinstance(obj, Row):
        return StructType((("addresses", types.int64[::1]), ("first", type_of(obj.items[0]))))
    if is_steady(obj):
        return StructType(tuple((name, column_of(obj, name, value)) for name, value in fields_of(obj)), steady=True)
    if hasattr(type(obj), "__slots__"):
        return StructType(tuple((name, type_of(value)) for name, value in fields_of(obj)))
    raise CannotCompile(type(obj).__name__, "a state is made of arrays, numbers and objects with __slots__")


def is_steady(obj: Any) -> bool:
    """Whether compiled code never sets a field: the kernel's own structs, and books elsewhere that say `steady`."""
    return isinstance(obj, Fields) or getattr(type(obj), "steady", False)


def column_of(obj: Any, name: str, value: Any) -> Any:
    """The type of a field of a steady struct: its arrays are columns, but for those that rules are handed."""
    if is_column(value) and name not in getattr(type(obj), "handed", ()):
        return ColumnType(value.dtype, value.strides[0], f"{type(obj).__name__}.{name}")
    return type_of(value)


def caster(struct_type: Any) -> Any:
    """A function for compiled code: the struct of that type at an address (which somebody keeps alive)."""

    @intrinsic
    def cast(context: Any, address: Any) -> Any:
        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            return args[0]

        return struct_type(ADDRESS), codegen

    return cast


@overload(item)  # inlined here, numba would take stores into what it gives for dead
def _item(row: Any, index: Any) -> Any:
    if not isinstance(row, StructType):
        return None
    cast = caster(row.of["first"])

    def found(row: Any, index: Any) -> Any:
        return cast(row.addresses[index])

    return found


@dataclass(slots=True)
class Struct:
    """One object's struct: `words` is its memory, `numbers` says where its numbers lie."""

    obj: Any
    words: Any
    numbers: list[tuple[str, int, bool]]  # name, place in words, whether it is a float
    keeps: list[Any]

    @property
    def address(self) -> int:
        """What compiled code calls the struct."""
        return int(self.words.ctypes.data)

    def pull(self) -> None:
        """The object's numbers as compiled code left them."""
        floats = self.words.view(np.float64)
        for name, place, is_float in self.numbers:
            setattr(self.obj, name, float(floats[place]) if is_float else int(self.words[place]))

    def push(self) -> None:
        """The object's numbers for compiled code."""
        floats = self.words.view(np.float64)
        for name, place, is_float in self.numbers:
            if is_float:
                floats[place] = getattr(self.obj, name)
            else:
                self.words[place] = int(getattr(self.obj, name))


class Structs:
    """Structs of one engine: one a Python object, however often it is met; alive as long as this is."""

    def __init__(self) -> None:
        self._made: dict[int, Struct] = {}  # by id of an object that is kept

    def of(self, obj: Any) -> Struct:
        """The struct of an object, made when first asked for."""
        found = self._made.get(id(obj))
        if found is None:
            found = self._made[id(obj)] = self._make(obj)
        return found

    def forget(self, obj: Any) -> None:
        """Its columns have moved: it gets a new struct when next asked for."""
        self._made.pop(id(obj), None)

    def _make(self, obj: Any) -> Struct:
        fields = fields_of(obj)
        if isinstance(obj, Row):
            addresses = np.array([self.of(each).address for each in obj.items], dtype=np.int64)
            fields = [("addresses", addresses), ("first", obj.items[0])]
        struct = Struct(obj, None, [], [])
        words: list[int] = []
        for name, value in fields:
            if isinstance(value, bool | int | np.integer):
                struct.numbers.append((name, len(words), False))
                words.append(int(value))
            elif isinstance(value, float):
                struct.numbers.append((name, len(words), True))
                words.append(int(np.float64(value).view(np.int64)))
            elif is_steady(obj) and isinstance(column_of(obj, name, value), ColumnType):
                struct.keeps.append(value)
                words += [value.ctypes.data, len(value)]
            elif isinstance(value, array | np.ndarray):
                words += self._array(value, struct.keeps)
            elif isinstance(value, Rule):
                struct.keeps.append(value)
                words += [0 if value.compiled is None else value.compiled.address, 0, 0]
            else:
                inner = value.obj if isinstance(value, Address) else value
                words.append(self.of(inner).address)
        struct.words = np.array(words or [0], dtype=np.int64)
        return struct

    def _array(self, value: Any, keeps: list[Any]) -> list[int]:
        seen = value if isinstance(value, np.ndarray) else np.frombuffer(value, dtype=f"{value.typecode}")
        keeps.append(seen)
        return [0, 0, len(seen), seen.itemsize, seen.ctypes.data, len(seen), seen.itemsize]
