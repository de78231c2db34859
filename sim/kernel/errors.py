"""What the compiled engine cannot run."""

from __future__ import annotations

from sim.errors import SimError


class CannotCompile(SimError):
    """A rule, a state or a feature that the kernel does not run; `auto` runs it under SimPy."""

    def __init__(self, what: str, why: str) -> None:
        super().__init__(what, why)
        self.what, self.why = what, why

    def __str__(self) -> str:
        return f"{self.what} cannot be compiled: {self.why}"
