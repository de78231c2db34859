"""Calls as job arrays of Slurm (Yoo et al., JSSPP 2003), by submitit, which writes, submits and follows the jobs.

A call is one job of one core, at most `workers` of an array at a time; arrays are of `ARRAY_MAX` jobs, since clusters
bound them. What submitit writes (scripts, logs) stands in `logs`. A job that was killed, or ran out of time, is told as
lost and never tried again by itself. How a job ended is the accounting's to say (sacct), which small clusters do
without: so a job that stands in no queue any more and left no result for `GONE_POLLS` looks is lost as well.
"""

from __future__ import annotations

import math
import subprocess
from collections import Counter
from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from threading import Event
from typing import Any

from sim.bench.launchers.common import call_in, package
from sim.errors import WorkerLost

ARRAY_MAX = 1000
POLL_S, GONE_POLLS = 5.0, 3  # a shared file system shows a result some seconds late
QUEUE = ("squeue", "--noheader", "--array", "--format=%i", "--jobs")
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
            for job, is_gone in _ended(jobs):
                ended += 1
                yield numbers[id(job)], WorkerLost(None) if is_gone else _result(submitit, job)
        finally:
            if ended < len(jobs):
                for job in jobs:
                    job.cancel()


def _ended(jobs: Sequence[Any]) -> Generator[tuple[Any, bool], None, None]:
    """Jobs as they end, and whether they went without a result and without a word."""
    left, absent = list(jobs), Counter[str]()
    while left:
        queued = queued_jobs({str(job.job_id).partition("_")[0] for job in left})
        for job in list(left):
            done = job.done()
            if not done and queued is not None:
                absent[job.job_id] = 0 if str(job.job_id) in queued else absent[job.job_id] + 1
            if done or absent[job.job_id] >= GONE_POLLS:
                left.remove(job)
                yield job, not done
        if left:
            Event().wait(POLL_S)


def queued_jobs(arrays: set[str]) -> set[str] | None:
    """Those jobs of the arrays that wait or run, as `ARRAY_TASK`; None where Slurm does not say."""
    try:
        told = subprocess.run([*QUEUE, ",".join(sorted(arrays))], capture_output=True, text=True, check=False,
                              timeout=60.0)  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return None
    if told.returncode and "Invalid job id" not in told.stderr:  # of one that it has forgotten
        return None
    return set(told.stdout.split())


def _result(submitit: Any, job: Any) -> Any:
    try:
        return job.result()
    except submitit.core.utils.FailedJobError as error:
        raise RuntimeError(str(error)) from None
    except submitit.core.utils.UncompletedJobError:
        return WorkerLost(None)
