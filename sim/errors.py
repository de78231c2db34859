"""The error tree: every error that a caller can meet descends from `SimError`.

    SimError
    +-- ConfigError       a key, its value and what is accepted         (exit 2)
    +-- InputError        a file, its row and column, what is accepted  (exit 2)
    +-- FleetError        the control plane refused an operation
    |   +-- NodeError     unknown, duplicate or full node
    |   +-- DeployError   an agent could not be placed or did not start in time
    +-- InvalidRun        an audit of a finished run failed              (exit 1)
    +-- WorkerLost        a worker process was killed with its call      (exit 1)

`next_step` is a command or key that helps, where there is a true one; a command line tells it on a line of its own.
SimPy rebuilds a failing exception as `type(e)(*e.args)` and pickle does the same, so that every
field is positional and the message is built in `__str__`.
"""

from __future__ import annotations


class SimError(Exception):
    """Anything that victor-sim raises on purpose."""

    next_step: str = ""


class ConfigError(SimError):
    """A config key holds a value that is not accepted."""

    def __init__(self, key: str, value: object, accepted: str, next_step: str = "") -> None:
        super().__init__(key, value, accepted, *filter(None, [next_step]))
        self.key, self.value, self.accepted, self.next_step = key, value, accepted, next_step

    def __str__(self) -> str:
        return f"{self.key}={self.value}: accepted is {self.accepted}"


class InputError(SimError):
    """A file that was given cannot be read as what it should be."""

    def __init__(self, path: str, row: int | None, column: str | None, problem: str, next_step: str = "") -> None:
        super().__init__(path, row, column, problem, *filter(None, [next_step]))
        self.path, self.row, self.column, self.problem, self.next_step = path, row, column, problem, next_step

    def __str__(self) -> str:
        row = "" if self.row is None else f", row {self.row}"
        column = "" if self.column is None else f", column {self.column!r}"
        return f"{self.path}{row}{column}: {self.problem}"


class FleetError(SimError):
    """The control plane refused an operation on the fleet."""


class NodeError(FleetError):
    """A node is unknown, already there, invalid or not allowed."""

    def __init__(self, node_id: str, problem: str) -> None:
        super().__init__(node_id, problem)
        self.node_id, self.problem = node_id, problem

    def __str__(self) -> str:
        return f"node {self.node_id}: {self.problem}"


class DeployError(FleetError):
    """An agent could not be placed, or did not start in time and was undone."""

    def __init__(self, agent_id: str, problem: str) -> None:
        super().__init__(agent_id, problem)
        self.agent_id, self.problem = agent_id, problem

    def __str__(self) -> str:
        return f"agent {self.agent_id}: {self.problem}"


class InvalidRun(SimError):
    """An audit of a finished run failed: its numbers must not be used."""

    def __init__(self, run: str, problem: str, next_step: str = "") -> None:
        super().__init__(run, problem, *filter(None, [next_step]))
        self.run, self.problem, self.next_step = run, problem, next_step

    def __str__(self) -> str:
        return f"{self.run} is INVALID: {self.problem}"


class WorkerLost(SimError):
    """A worker process ended in the middle of a call; `code`: its exit code, minus a signal's number, None unknown."""

    next_step = "the same command again runs what is missing; launcher.workers=1 needs the least memory"

    def __init__(self, code: int | None) -> None:
        super().__init__(code)
        self.code = code

    def __str__(self) -> str:
        if self.code is None:
            return "its worker process was lost (out of memory?)"
        how = f"was killed by signal {-self.code}" if self.code < 0 else f"ended with code {self.code}"
        return f"its worker process {how}{' (out of memory?)' if self.code == -9 else ''}"
