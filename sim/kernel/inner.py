"""Functions that only other compiled functions call are neither optimized nor turned into machine code on their own.

numba compiles every function for itself, with all that it calls linked in, and again within each of its callers: a
chain of six calls is optimized and translated six times. Ours are taken into their callers anyway, so that the last one
alone, which Python or a pointer calls, does that work (numba 0.68, `core/codegen.py`: a library is finalized before it
is linked). What comes out is the same arithmetic: LLVM changes none without `fastmath`.
"""

from __future__ import annotations

import weakref
from typing import Any

from numba.core.codegen import CPUCodeLibrary, JITCodeLibrary, JITCPUCodegen

_inner: set[str] = set()  # names of libraries, each with a digest: bounded by the rules of the house
_optimize, _finalize, _set_env = (
    CPUCodeLibrary._optimize_final_module,
    CPUCodeLibrary._finalize_final_module,
    JITCPUCodegen.set_env,
)


def keep_inner(name: str) -> None:
    """The function of this qualified name is only called by compiled code."""
    _inner.add(name)


def _optimized(library: Any) -> None:
    if library.name not in _inner:
        _optimize(library)


def _finalized(library: Any) -> None:
    if library.name not in _inner:
        _finalize(library)
        return
    library._finalize_dynamic_globals()
    library._verify_declare_only_symbols()
    library._final_module.__library = weakref.proxy(library)
    library._finalized = True


def _with_env(codegen: Any, name: str, env: Any) -> None:
    if codegen._engine.is_symbol_defined(name):
        _set_env(codegen, name, env)


JITCodeLibrary._optimize_final_module = _optimized  # type: ignore[method-assign]
JITCodeLibrary._finalize_final_module = _finalized  # type: ignore[method-assign]
JITCPUCodegen.set_env = _with_env  # type: ignore[method-assign]
