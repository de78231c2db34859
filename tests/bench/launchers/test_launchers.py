"""The launchers for other machines, held against stand-ins that keep the protocols of Ray and submitit."""

from __future__ import annotations

import pickle
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from sim.bench.compose import compose
from sim.bench.launchers.choice import launch_of
from sim.bench.launchers.on_ray import spread_on_ray
from sim.bench.launchers.on_slurm import queued_jobs, spread_on_slurm
from sim.bench.outcome import finish
from sim.bench.plan import make_plan
from sim.bench.pool import spread
from sim.bench.runner import Elsewhere, Failure, Task, run_tasks
from sim.errors import ConfigError, WorkerLost
from tests.bench.small_study import SWEEP, no_report


class Killed(BaseException):
    """What a call of a test raises to say that its process died."""


def double(number: int) -> int:
    if number == 3:
        raise Killed
    if number == 5:
        raise ZeroDivisionError("by hand")
    return 2 * number


class FakeRay(ModuleType):
    """Ray as far as the launcher speaks to it: tasks run when they are waited for, the last one first."""

    def __init__(self) -> None:
        super().__init__("ray")
        ray_error = type("RayError", (Exception,), {})
        task_error = type("RayTaskError", (ray_error,), {})
        self.exceptions = SimpleNamespace(RayError=ray_error, RayTaskError=task_error)
        self.begun: list[dict[str, Any]] = []
        self.asked: list[dict[str, Any]] = []
        self.waiting_max = 0
        self.cancelled: list[Any] = []

    def is_initialized(self) -> bool:
        return bool(self.begun)

    def init(self, **words: Any) -> None:
        self.begun.append(words)

    def remote(self, **words: Any) -> Callable[[Callable[..., Any]], Any]:
        self.asked.append(words)
        return lambda function: SimpleNamespace(remote=lambda *call: pickle.dumps((function, call)))

    def wait(self, references: list[bytes], num_returns: int) -> tuple[list[bytes], list[bytes]]:
        assert num_returns == 1
        self.waiting_max = max(self.waiting_max, len(references))
        return references[-1:], references[:-1]

    def get(self, reference: bytes) -> Any:
        function, call = pickle.loads(reference)
        try:
            return function(*call)
        except Killed:
            raise self.exceptions.RayError("crashed") from None
        except Exception as error:
            wrapped = self.exceptions.RayTaskError("in a task")
            wrapped.cause = error
            raise wrapped from None

    def cancel(self, reference: bytes) -> None:
        self.cancelled.append(reference)


class FakeJob:
    """A job of submitit: it ran in its array, its result waits."""

    def __init__(self, submitit: FakeSubmitit, job_id: str, call: Callable[[], Any]) -> None:
        self.submitit, self.job_id, self.call, self.cancelled = submitit, job_id, call, False
        self.looks = 0

    def done(self) -> bool:
        """The first of an array needs two looks; one that is `mute` never says that it ended."""
        self.looks += 1
        return self.job_id not in self.submitit.mute and self.looks > self.job_id.endswith("_0")

    def result(self) -> Any:
        try:
            return self.call()
        except Killed:
            raise self.submitit.core.utils.UncompletedJobError("no result") from None
        except Exception as error:
            raise self.submitit.core.utils.FailedJobError(f"{type(error).__name__}: {error}") from None

    def cancel(self) -> None:
        self.cancelled = True


class FakeSubmitit(ModuleType):
    """submitit as far as the launcher speaks to it."""

    def __init__(self) -> None:
        super().__init__("submitit")
        uncompleted = type("UncompletedJobError", (RuntimeError,), {})
        failed = type("FailedJobError", (uncompleted,), {})
        self.core = SimpleNamespace(utils=SimpleNamespace(UncompletedJobError=uncompleted, FailedJobError=failed))
        self.mute: set[str] = set()
        self.arrays: list[list[FakeJob]] = []
        self.words: list[dict[str, Any]] = []

    def AutoExecutor(self, **words: Any) -> FakeSubmitit:  # noqa: N802
        self.words.append(words)
        return self

    def update_parameters(self, **words: Any) -> None:
        self.words.append(words)

    def map_array(self, function: Callable[..., Any], *columns: list[Any]) -> list[FakeJob]:
        calls = [partial(_run, pickle.dumps((function, row))) for row in zip(*columns, strict=True)]
        jobs = [FakeJob(self, f"{len(self.arrays)}_{number}", call) for number, call in enumerate(calls)]
        self.arrays.append(jobs)
        return jobs


def _run(call: bytes) -> Any:
    function, row = pickle.loads(call)
    return function(*row)


@pytest.fixture
def ray(monkeypatch: pytest.MonkeyPatch) -> FakeRay:
    module = FakeRay()
    monkeypatch.setitem(sys.modules, "ray", module)
    return module


@pytest.fixture
def submitit(monkeypatch: pytest.MonkeyPatch) -> FakeSubmitit:
    module = FakeSubmitit()
    monkeypatch.setitem(sys.modules, "submitit", module)
    monkeypatch.setattr("sim.bench.launchers.on_slurm.POLL_S", 0.0)
    monkeypatch.setenv("PATH", "")  # no squeue
    return module


def test_calls_on_ray(ray: FakeRay, here: Path) -> None:
    found = dict(spread_on_ray(double, [(n,) for n in (1, 2, 3, 4)], 2))
    assert isinstance(found.pop(2), WorkerLost)
    assert found == {0: 2, 1: 4, 3: 8}
    assert ray.begun == [
        {"num_cpus": 2, "include_dashboard": False, "log_to_driver": False, "logging_level": "warning"}
    ]
    assert ray.asked == [{"num_cpus": 1, "max_retries": 0}]
    assert ray.waiting_max == 2
    with pytest.raises(ZeroDivisionError, match="by hand"):
        list(spread_on_ray(double, [(1,), (5,)], 2))
    assert len(ray.cancelled) == 1, "who ends early calls off what is running"
    assert len(ray.begun) == 1, "the cluster stays"


def test_an_existing_cluster_is_joined_by_its_address(ray: FakeRay, here: Path) -> None:
    launch = launch_of(compose(["launcher=ray", "launcher.address=auto"]))
    assert dict(launch(double, [(1,)], 2)) == {0: 2}
    assert ray.begun == [{"address": "auto", "log_to_driver": False, "logging_level": "warning"}]


def test_calls_on_slurm(submitit: FakeSubmitit, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sim.bench.launchers.on_slurm.ARRAY_MAX", 3)
    launch = launch_of(compose(["launcher=slurm", "launcher.partition=short", "launcher.time_limit_s=90"]))
    found = dict(launch(double, [(n,) for n in (1, 2, 3, 4)], 2))
    assert isinstance(found.pop(2), WorkerLost)
    assert found == {0: 2, 1: 4, 3: 8}
    assert [len(jobs) for jobs in submitit.arrays] == [3, 1], "arrays are bounded"
    assert submitit.words == [
        {"folder": here / ".victor-sim/store/slurm", "cluster": "slurm"},
        {"name": "victor-sim", "timeout_min": 2, "cpus_per_task": 1, "slurm_array_parallelism": 2,
         "slurm_partition": "short"},
    ]  # fmt: skip
    with pytest.raises(RuntimeError, match="ZeroDivisionError: by hand"):
        list(spread_on_slurm(double, [(1,), (5,)], 2, logs=here))
    assert all(job.cancelled for job in submitit.arrays[-1]), "who ends early calls the array off"


def test_a_job_that_left_the_queue_without_a_word_is_lost(
    submitit: FakeSubmitit, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Slurm without accounting (sacct) never says that a job was killed: the sweep waited for it for ever."""
    queues = iter([{"0_1"}, set(), None, {"0_1"}, set(), set(), set()])
    asked: list[set[str]] = []

    def queued(arrays: set[str]) -> set[str] | None:
        asked.append(arrays)
        return next(queues)

    monkeypatch.setattr("sim.bench.launchers.on_slurm.queued_jobs", queued)
    submitit.mute = {"0_1"}
    found = dict(spread_on_slurm(double, [(1,), (2,), (4,)], 2, logs=here))
    assert isinstance(found.pop(1), WorkerLost)
    assert found == {0: 2, 2: 8}
    assert asked == [{"0"}] * 7, "what was seen again is not counted, nor where the queue does not answer"


@pytest.mark.parametrize(
    ("script", "found"),
    [
        ("echo 7_0; echo 7_11", {"7_0", "7_11"}),
        ("echo 'slurm_load_jobs error: Invalid job id specified' >&2; exit 1", set()),
        ("echo 'Unable to contact slurm controller' >&2; exit 1", None),
        (None, None),
    ],
)
def test_the_queue_is_asked_for_the_arrays(
    script: str | None, found: set[str] | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    if script is not None:
        squeue = tmp_path / "squeue"
        squeue.write_text(f'#!/bin/sh\n[ "$*" = "--noheader --array --format=%i --jobs 12,7" ] || exit 3\n{script}\n')
        squeue.chmod(0o755)
    assert queued_jobs({"7", "12"}) == found


@pytest.mark.parametrize(("kind", "package"), [("ray", "ray"), ("slurm", "submitit")])
def test_a_missing_package_names_its_extra(kind: str, package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ConfigError) as caught:
        list(launch_of(compose([f"launcher={kind}"]))(double, [(1,)], 1))
    assert str(caught.value) == (
        f"launcher.kind={kind}: accepted is local, or the extra of that name installed: "
        f"pip install 'victor-sim[{kind}]'"
    )
    assert launch_of(compose([])) is spread


def test_a_folder_that_the_machines_do_not_share_is_told(ray: FakeRay, here: Path) -> None:
    gone = here / "gone"
    gone.mkdir()
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(gone)
        coming = spread_on_ray(double, [(1,)], 1)
        patched.setattr(Path, "cwd", lambda: here / "elsewhere")
        with pytest.raises(ConfigError, match=r"accepted is a working folder that all machines share$"):
            next(coming)


@pytest.mark.parametrize("kind", ["ray", "slurm"])
def test_a_study_is_the_same_whatever_launched_it(kind: str, ray: FakeRay, submitit: FakeSubmitit, here: Path) -> None:
    for launcher in ("local", kind):
        words = [f"launcher={launcher}", "launcher.workers=1", f"paths.store=store-{launcher}", f"name={launcher}"]
        assert finish(make_plan([*SWEEP[:-3], "stats.keep_requests=true", *words], multirun=True), no_report) == 0
    requests = [sorted((here / "results" / name / "requests").iterdir()) for name in ("local", kind)]
    assert len(requests[0]) == 6
    for one, other in zip(*requests, strict=True):
        assert (one.name, one.read_bytes()) == (other.name, other.read_bytes())


def test_a_worker_that_writes_elsewhere_is_told(tmp_path: Path) -> None:
    def astray(function: Any, calls: Any, workers: int) -> Iterator[tuple[int, Failure | Elsewhere | None]]:
        yield 0, None

    task = Task("ab" + "0" * 62, "one", compose([]), 0)
    (failure,) = run_tasks([task], tmp_path, 1, "study", astray)  # type: ignore[arg-type]
    assert failure.refused
    assert failure.error == "the worker wrote to another store: paths.store must be a folder that all machines share"
