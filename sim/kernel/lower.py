"""From plain Python to machine code: the rules that SimPy's side runs are compiled as they stand.

`lower(fn)` compiles a plain function and, through its globals, every plain function that it calls. `entry` makes of it
what Python calls, `pointer` what compiled code calls; both take the address of a struct instead of the struct. The
cache on disk would serve the code of another callee under the same name: every lowered function bears a digest of its
own source, of its callees and of the constants that it reads.
"""

from __future__ import annotations

import dis
import hashlib
import math
import types as python_types
from collections.abc import Callable
from typing import Any

from numba import cfunc, njit, types
from numba.core.errors import NumbaError

from sim.kernel.bits import FLOAT_BITS
from sim.kernel.cache import prepare_cache
from sim.kernel.chance import MACHINE
from sim.kernel.errors import CannotCompile
from sim.kernel.inner import keep_inner
from sim.kernel.one_compiler import compiling
from sim.kernel.structs import ADDRESS, caster
from sim.kernel.touched import TOUCHED
from sim.runtime.plain import float_bits, item, touch

OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy", "fastmath": False, "_nrt": False}
INNER = {**OPTIONS, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}


Arguments = tuple[Any, ...]
Bound = dict[str, Any] | None
REPLACED: dict[Any, Any] = {item: item, touch: TOUCHED, float_bits: FLOAT_BITS, **MACHINE}


def lower(fn: Any, bound: dict[str, Any] | None = None) -> Any:
    """Compile a plain function; `bound` gives names of its module, and of the kernel, another value."""
    return _lowered(fn, bound or {}, {fn.__module__: None})[0]


def _lowered(fn: Any, bound: dict[str, Any], seen: dict[Any, Any]) -> tuple[Any, str]:
    if fn in REPLACED:
        return REPLACED[fn], str(fn.__qualname__)
    if fn in seen:
        return seen[fn]  # type: ignore[no-any-return]
    if fn.__closure__ is not None:
        raise CannotCompile(fn.__qualname__, "a rule is a plain function of a module, without a closure")
    copy, name = _renamed(fn, bound, seen)
    keep_inner(name)
    seen[fn] = njit(forceinline=not getattr(fn, "rare", False), **INNER)(copy), name
    return seen[fn]  # type: ignore[no-any-return]


def _renamed(fn: Any, bound: dict[str, Any], seen: dict[Any, Any]) -> tuple[Any, str]:
    """A copy of a function whose globals are compiled, under a name with a digest of all that it is made of."""
    scope = dict(fn.__globals__)
    digest = hashlib.blake2b(fn.__code__.co_code, digest_size=8)
    digest.update(repr((fn.__module__, fn.__qualname__, fn.__code__.co_consts, fn.__code__.co_names)).encode())
    own = bound if fn.__module__ in seen or fn.__module__.startswith("sim.kernel.") else {}
    for name in sorted({step.argval for step in dis.get_instructions(fn) if step.opname == "LOAD_GLOBAL"}):
        if name not in own and name not in scope:
            continue
        value = own.get(name, scope.get(name))
        if isinstance(value, python_types.FunctionType):
            value, called = _lowered(value, bound, seen)
            digest.update(called.encode())
        elif isinstance(value, int | float | str | tuple):
            digest.update(repr((name, value)).encode())
        elif value is not math:
            digest.update(repr((name, str(value))).encode() if isinstance(value, types.Type) else name.encode())
        scope[name] = value
    copy = python_types.FunctionType(fn.__code__, scope, fn.__name__, fn.__defaults__, fn.__closure__)
    copy.__qualname__ = f"{fn.__qualname__}_{digest.hexdigest()}"
    copy.__module__ = fn.__module__
    return copy, copy.__qualname__


def _call_0(address):  # type: ignore[no-untyped-def]
    return call(cast(address))  # type: ignore[name-defined] # noqa: F821


def _call_1(address, a):  # type: ignore[no-untyped-def]
    return call(cast(address), a)  # type: ignore[name-defined] # noqa: F821


def _call_2(address, a, b):  # type: ignore[no-untyped-def]
    return call(cast(address), a, b)  # type: ignore[name-defined] # noqa: F821


def _call_3(address, a, b, c):  # type: ignore[no-untyped-def]
    return call(cast(address), a, b, c)  # type: ignore[name-defined] # noqa: F821


def _call_4(address, a, b, c, d):  # type: ignore[no-untyped-def]
    return call(cast(address), a, b, c, d)  # type: ignore[name-defined] # noqa: F821


def _call_5(address, a, b, c, d, e):  # type: ignore[no-untyped-def]
    return call(cast(address), a, b, c, d, e)  # type: ignore[name-defined] # noqa: F821


def _call_6(address, a, b, c, d, e, f):  # type: ignore[no-untyped-def]
    return call(cast(address), a, b, c, d, e, f)  # type: ignore[name-defined] # noqa: F821


CALLS = (_call_0, _call_1, _call_2, _call_3, _call_4, _call_5, _call_6)


def _addressed(fn: Any, struct_type: Any, arguments: tuple[Any, ...], bound: dict[str, Any] | None) -> Any:
    """A function of (address, arguments) that calls the lowered `fn` on the struct there."""
    prepare_cache()
    lowered, name = _lowered(fn, bound or {}, {fn.__module__: None})
    call = CALLS[len(arguments)]
    scope = {"call": lowered, "cast": caster(struct_type)}
    copy = python_types.FunctionType(call.__code__, scope, call.__name__)
    key = hashlib.blake2b(f"{name} {struct_type} {arguments}".encode(), digest_size=12).hexdigest()
    copy.__qualname__ = f"{name}_{key}"
    copy.__module__ = __name__
    return copy


_made: dict[Any, Any] = {}  # what this process has compiled or loaded; one for each rule, shape and binding


def _once(make: Callable[..., Any], fn: Any, struct_type: Any, signature: Any, bound: Bound) -> Any:
    """Compile or load, unless it is there; raises `CannotCompile`."""
    key = make, fn, struct_type, signature, tuple(sorted((bound or {}).items(), key=lambda each: each[0]))
    if key not in _made:
        copy = _addressed(fn, struct_type, signature.args[1:], bound)
        try:
            with compiling(copy.__qualname__):
                _made[key] = make(signature, cache=True, **OPTIONS)(copy)
        except NumbaError as error:
            raise CannotCompile(fn.__qualname__, first_line(error)) from error
    return _made[key]


def entry(fn: Any, struct_type: Any, result: Any, arguments: Arguments, bound: Bound = None) -> Any:
    """Compile `fn(struct, *arguments)` for Python: `entry(address, *arguments)`; raises `CannotCompile`."""
    return _once(njit, fn, struct_type, result(ADDRESS, *arguments), bound)


def pointer(fn: Any, struct_type: Any, result: Any, arguments: Arguments, bound: Bound = None) -> Any:
    """Compile `fn(struct, *arguments)` for compiled code, to be kept in a `Rule`; raises `CannotCompile`."""
    signature = result(ADDRESS, *arguments)
    return _once(cfunc, fn, struct_type, signature, bound), signature


def first_line(error: Exception) -> str:
    """What numba has to say, without the trace of its typing."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    wanted = [line for line in lines if not line.startswith(("Failed in", "During", "File", "^"))]
    return " ".join(wanted[:2])[:300] if wanted else type(error).__name__
