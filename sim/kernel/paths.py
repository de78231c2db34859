"""The balancer behind pointers: its hot calls compiled for one strategy, its rare ones left to the object itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from numba import types

from sim.kernel.lower import pointer
from sim.kernel.state import Paths
from sim.kernel.structs import ADDRESS, Address, Rule, Structs, type_of

DRAWS, SLOTS = types.float64[::1], types.int64[::1]
WHOLE, REAL = types.int64, types.float64
SHAPES: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "dispatch": (WHOLE, (WHOLE, WHOLE, DRAWS, WHOLE, REAL)),
    "foreseen": (types.void, (SLOTS, DRAWS, WHOLE, WHOLE, WHOLE, SLOTS)),
    "complete": (types.void, (WHOLE, WHOLE, REAL, REAL, WHOLE, REAL)),
    "elsewhere": (WHOLE, (WHOLE, WHOLE, DRAWS, WHOLE, WHOLE, REAL)),
    "refused": (types.void, (WHOLE, WHOLE)),
    "poll": (types.void, (SLOTS,)),
    "probe_targets": (WHOLE, (WHOLE, WHOLE, DRAWS, SLOTS)),
    "probe_answer": (WHOLE, (WHOLE, WHOLE, WHOLE, REAL, WHOLE)),
    "record": (types.void, (WHOLE, WHOLE, REAL)),
}
PROBED = ("probe_targets", "probe_answer", "record")


@dataclass(slots=True)
class Balancing:
    """What the kernel needs of a balancer: its books, its plain functions by name, and a few numbers."""

    books: Any
    functions: dict[str, Any]  # by the names of SHAPES
    paths_bound: dict[str, Any]
    refresh_view: Any  # (dispatcher, view): the balancer rebuilds it
    states: list[Any]
    dispatchers: int
    views: int
    types: int
    draws: int
    probes: int
    probe_s: float
    poll_s: float | None
    idle_draws: bool
    keyed: bool
    hedges: bool = False
    foresees: bool = False  # the strategy says early what a pick will read

    def pull(self, structs: Structs) -> None:
        """The states' numbers as compiled code left them, for a balancer that goes on by itself."""
        for index, state in enumerate(self.states):
            structs.of(state).pull()
            state.fresh = bool(self.books.fresh[index])

    def push(self, structs: Structs) -> None:
        """They come back."""
        for index, state in enumerate(self.states):
            structs.of(state).push()
            self.books.fresh[index] = int(state.fresh)

    def refresh(self, index: int, structs: Structs) -> None:
        """Let the balancer rebuild a view: its numbers go there and come back."""
        shared = [structs.of(state) for state in self.states]
        for struct in shared:
            struct.pull()
        self.refresh_view(index // self.views, index % self.views)
        for struct in shared:
            struct.push()
        self.books.fresh[index] = 1


def compiled_paths(balancing: Balancing, structs: Structs) -> Paths:
    """Compile the hot calls of this balancer; raises `CannotCompile` naming the strategy's function."""
    paths = Paths()
    books_type = type_of(balancing.books)
    paths.books = Address(balancing.books)
    for name, (result, arguments) in SHAPES.items():
        unused = (name in PROBED and not balancing.probes) or (name == "poll" and balancing.poll_s is None)
        unused = unused or (name == "elsewhere" and not balancing.hedges)
        if unused:  # the field is there all the same, so that one kernel serves every balancer
            setattr(paths, name, Rule(None, result(ADDRESS, *arguments)))
            continue
        compiled, signature = pointer(balancing.functions[name], books_type, result, arguments, balancing.paths_bound)
        setattr(paths, name, Rule(compiled, signature))
    return paths
