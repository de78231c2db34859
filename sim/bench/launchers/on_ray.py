"""Calls on a Ray cluster (Moritz et al., OSDI 2018): one of its own on this machine, or one joined by its address.

A call is a task of one core that is never tried again by Ray itself: who was killed is told, as everywhere. At most
`workers` calls are handed over at a time. The cluster stays for the process, since a study looks several times.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from typing import Any

from sim.bench.launchers.common import call_in, package
from sim.errors import ConfigError, WorkerLost


def spread_on_ray(
    function: Callable[..., Any], calls: Sequence[tuple[Any, ...]], workers: int, *, address: str = ""
) -> Generator[tuple[int, Any], None, None]:
    """Results of calls as they come, with their numbers; `WorkerLost` for one whose worker was killed.

    Raises what a call raised, `ConfigError` where Ray is missing, or its cluster does not start or answer.
    """
    ray = package("ray", "ray")
    if not ray.is_initialized():
        where = {"address": address} if address else {"num_cpus": workers, "include_dashboard": False}
        try:
            ray.init(**where, log_to_driver=False, logging_level="warning")
        except Exception as error:  # Ray raises plain ones: a node that is slow to start, an address nobody answers at
            told = f"a Ray cluster that starts, or answers ({' '.join(str(error).split())})"
            raise ConfigError("launcher.address", address, told) from error
    remote = ray.remote(num_cpus=1, max_retries=0)(call_in)
    left, running = deque(enumerate(calls)), dict[Any, int]()
    try:
        while left or running:
            while left and len(running) < workers:
                number, call = left.popleft()
                running[remote.remote(Path.cwd(), function, call)] = number
            for reference in ray.wait(list(running), num_returns=1)[0]:
                number = running.pop(reference)
                yield number, _result(ray, reference)
    finally:
        for reference in running:
            ray.cancel(reference)


def _result(ray: Any, reference: Any) -> Any:
    try:
        return ray.get(reference)
    except ray.exceptions.RayTaskError as error:
        raise getattr(error, "cause", None) or error from None
    except ray.exceptions.RayError:  # a crashed worker, a lost node, out of memory
        return WorkerLost(None)
