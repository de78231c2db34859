"""Calls as job arrays of Slurm (Yoo et al., JSSPP 2003), by submitit, which writes, submits and follows the jobs.

A call is one job of one core, at most `workers` of an array at a time; arrays are of `ARRAY_MAX` jobs, since clusters
bound them. What submitit writes (scripts, logs) stands in `logs`. A job that was killed, or ran out of time, is told as
lost and never tried again by itself.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from typing import Any

from sim.bench.launchers.common import call_in, package
from sim.errors import WorkerLost

ARRAY_MAX = 1000
POLL_S = 5.0
MINUTE_S = 60.0


def spread_on_slurm(
    function: Callable[..., Any], calls: Sequence[tuple[Any, ...]], workers: int,
    *, logs: Path, partition: str = "", time_limit_s: float = 3600.0, cluster: str = "slurm",
) -> Generator[tuple[int, Any], None, None]:  # fmt: skip
    """Results of calls as they come, with their numbers; `WorkerLost` for a job without a result.

    Raises what a call raised, `ConfigError` where submitit is missing.
    """
    submitit = package("slurm", "submitit")
    executor = submitit.AutoExecutor(folder=logs.absolute(), cluster=cluster)
    limits: dict[str, Any] = {"timeout_min": math.ceil(time_limit_s / MINUTE_S), "cpus_per_task": 1}
    if cluster == "slurm":
        limits |= {"slurm_array_parallelism": workers}
        limits |= {"slurm_partition": partition} if partition else {}
    executor.update_parameters(name="victor-sim", **limits)
    for first in range(0, len(calls), ARRAY_MAX):
        some = calls[first : first + ARRAY_MAX]
        folders, functions = [Path.cwd()] * len(some), [function] * len(some)
        jobs = executor.map_array(call_in, folders, functions, list(some))
        numbers = {id(job): first + position for position, job in enumerate(jobs)}
        ended = 0
        try:
            for job in submitit.helpers.as_completed(jobs, poll_frequency=POLL_S):
                ended += 1
                yield numbers[id(job)], _result(submitit, job)
        finally:
            if ended < len(jobs):
                for job in jobs:
                    job.cancel()


def _result(submitit: Any, job: Any) -> Any:
    try:
        return job.result()
    except submitit.core.utils.FailedJobError as error:
        raise RuntimeError(str(error)) from None
    except submitit.core.utils.UncompletedJobError:
        return WorkerLost(None)
