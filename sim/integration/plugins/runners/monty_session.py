"""One session of Monty, step by step: a snippet runs until it ends or asks the host; clocks are answered on the spot.

All of it blocks and may run in a thread. Time in the sandbox is the instant of the call, frozen; sleeping is nothing;
everything else of an operating system is refused as Monty refuses it. The process is held by a pidfd, so that it can be
killed from outside whatever it does.
"""

from __future__ import annotations

import contextlib
import datetime
import os
import signal
from collections.abc import Callable
from typing import Any

import pydantic_monty as monty

SUSPENSIONS_MAX = 1_000_000_000  # of a session; a call's host functions are counted by the runner
RECURSION_MAX = 500
HOST_CALL = "_victor_ask"


class SessionEnd(Exception):
    """The session is over; `why` is `deadline`, `memory` or `exit`."""

    def __init__(self, why: str, text: str) -> None:
        super().__init__(why, text)
        self.why, self.text = why, text


class Raised(Exception):
    """The snippet raised; `kind` is the exception's class name."""

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(kind, text)
        self.kind, self.text = kind, text


class Step:
    """Where a snippet stands: it ended with `value`, or it asks the host (`name`, `arguments`) and goes on with it."""

    def __init__(self, snapshot: Any) -> None:
        self.snapshot = snapshot
        self.over = isinstance(snapshot, monty.MontyComplete)
        self.value = snapshot.output if self.over else None
        self.name, self.arguments = ("", {}) if self.over else _asked(snapshot)


def _asked(snapshot: Any) -> tuple[str, dict[str, Any]]:
    name, arguments = [*snapshot.args, None, None][:2]
    if (
        not isinstance(name, str)
        or not isinstance(arguments, dict)
        or not all(isinstance(key, str) for key in arguments)
    ):
        raise Raised("TypeError", "a host function takes its name and named arguments")
    return name, arguments


class MontySession:
    """A checked-out process with the globals of one plugin."""

    def __init__(
        self, pool: Any, memory_max_bytes: int, call_max_s: float, seed: int, write: Callable[[bytes], None]
    ) -> None:
        limits = monty.ResourceLimits(
            max_feed_duration_secs=call_max_s,
            max_memory=memory_max_bytes,
            max_recursion_depth=RECURSION_MAX,
            max_suspensions=SUSPENSIONS_MAX,
        )
        policy = monty.OSPolicy(datetime="call_host", sleep="zero", random_start={"seed": seed})
        self._checkout = pool.checkout(limits=limits, os_policy=policy)
        try:
            self._session = self._checkout.__enter__()
        except (monty.MontyError, RuntimeError) as error:
            raise SessionEnd("exit", f"no process of Monty came up: {error}") from None
        pid = self._session.worker_pid
        self._pidfd = -1 if pid is None or not hasattr(os, "pidfd_open") else os.pidfd_open(pid)
        self._write = write
        self._now = self._wall_at = 0.0

    def begin(self, code: str, inputs: dict[str, Any], now: float, wall_at: float) -> Step:
        """Run a snippet up to its first step; raises Raised and SessionEnd."""
        self._now, self._wall_at = now, wall_at
        return self._driven(lambda: self._session.feed_start(code, inputs=inputs, print_callback=self._printed))

    def answer(self, step: Step, value: Any, error: str) -> Step:
        """Go on with what the host says."""
        told = {"exception": PermissionError(error)} if error else {"return_value": value}
        return self._driven(lambda: step.snapshot.resume(told))

    def kill(self) -> None:
        """End the process, from any thread; the step under way raises SessionEnd."""
        if self._pidfd >= 0:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)

    def close(self) -> None:
        """Give the process back, or what is left of it."""
        if self._pidfd >= 0:
            os.close(self._pidfd)
            self._pidfd = -1
        with contextlib.suppress(monty.MontyError, RuntimeError):
            self._checkout.__exit__(None, None, None)

    def _driven(self, first: Callable[[], Any]) -> Step:
        try:
            snapshot = first()
            while not isinstance(snapshot, monty.MontyComplete):
                if isinstance(snapshot, monty.FunctionSnapshot) and not snapshot.is_os_function:
                    if snapshot.function_name == HOST_CALL:
                        return Step(snapshot)
                    snapshot = snapshot.resume({"exception": NameError(f"name {snapshot.function_name!r}")})
                elif isinstance(snapshot, monty.FunctionSnapshot):
                    snapshot = self._system(snapshot)
                elif isinstance(snapshot, monty.NameLookupSnapshot):
                    snapshot = snapshot.resume()
                else:
                    raise SessionEnd("exit", "it waits for a future that nobody holds")
            return Step(snapshot)
        except monty.MontyCrashedError as error:
            raise SessionEnd("exit", str(error)) from None
        except monty.MontyError as error:
            raise _typed(error) from None

    def _system(self, snapshot: Any) -> Any:
        instants = {"time": self._wall_at, "monotonic": self._now, "perf_counter": self._now}
        name = str(snapshot.function_name)
        plain = name.removeprefix("time.").removesuffix("_ns")
        if name.startswith("time.") and plain in instants:
            told = instants[plain]
            return snapshot.resume({"return_value": int(told * 1e9) if name.endswith("_ns") else told})
        if name in ("datetime.now", "date.today"):
            zone = next((each for each in snapshot.args if isinstance(each, datetime.tzinfo)), None)
            here = datetime.datetime.fromtimestamp(self._wall_at, zone or datetime.UTC)
            here = here if zone else here.replace(tzinfo=None)
            return snapshot.resume({"return_value": here if name == "datetime.now" else here.date()})
        return snapshot.resume_not_handled()

    def _printed(self, stream: str, text: str) -> None:
        self._write(text.encode(errors="replace"))


def _typed(error: Any) -> Exception:
    inner = error.exception()
    kind, text = type(inner).__name__, str(inner)
    if kind == "TimeoutError" and "time limit exceeded" in text:
        return SessionEnd("deadline", text)
    if kind == "MemoryError":
        return SessionEnd("memory", text)
    return Raised(kind, text)
