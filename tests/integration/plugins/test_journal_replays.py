"""A run with its journal, and the same run from the journal alone: same bytes, same asks, none of the plugins' code."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sim.bench.assemble import Assembly, assemble, run_replication
from sim.bench.compose import Composed, compose
from sim.bench.plan import make_plan
from sim.bench.replay import replay_run
from sim.bench.study import store_of
from sim.errors import ConfigError, InputError, InvalidRun
from sim.integration.plugins.journal import ENDED, RAISED, Journal, JournalFull
from sim.types.records import RunRecord
from tests.integration.plugins.rig import Rig, write

SHARED: Composed = {}
FLEET = [
    "horizon_s=40", "drain_s=100", "fleet.nodes=4", "fleet.agents_per_node=3", "arrivals.utilization_ratio=0.7",
    "balancer=power_of_d", "arrivals.keys_count=40", "faults=crash", "faults.crash.mttf_s=40", "faults.crash.mttr_s=10",
    "health=aggressive", "retry=default", "failover=default", "plugins.journal=true", "plugins.metrics_interval_s=5",
]  # fmt: skip
GONE = "raise SystemExit('this code must not run')\n"
DICE = """
import random
def before_request(p):
    if random.Random(p["request"]).random() < 0.1: return {"reject": "dice"}
    if p["request"] % 97 == 5: raise ValueError("unlucky")
def before_route(p):
    return {"prefer": [p["nodes"][p["key"] % len(p["nodes"])]]}
def node_state_changed(p): pass
"""
ASKS = """
class Plugin:
    def __init__(self, context):
        self.context = context
    async def after_response(self, p):
        if p["request"] % 9 == 0:
            task = await self.context.call("tasks.submit", kind="look", fields={"request": p["request"]})
            await self.context.call("http.fetch", url="https://hooks.example.com/", method="POST", body=task)
    async def metrics_collected(self, p):
        told = await self.context.call("metrics.read", name="in_flight")
        try:
            await self.context.call("http.fetch", url="https://elsewhere.example.com/")
        except PermissionError as error:
            await self.context.call("tasks.submit", kind="why", fields={"told": told, "error": str(error)})
    async def node_state_changed(self, p):
        await self.context.call("nothing.of.the.kind")
"""
WRAPS = """
def before_request(p):
    if p["request"] % 50 == 7: raise ValueError("too early")
    answer = yield
    if p["request"] % 50 == 8: raise ValueError("too late")
    return {"reject": "wrapped"} if answer is None and p["request"] % 50 == 9 else None
"""
ENTROPY = """
import os
class Plugin:
    def __init__(self, context):
        self.context = context
    async def before_request(self, p):
        drawn = os.urandom(1)[0]
        if drawn < 20: return {"reject": str(drawn)}
        if drawn > 250: await self.context.call("tasks.submit", kind="high", fields={"drawn": drawn})
        if drawn == 249: 1 / 0
"""
PERMISSIONS = 'permissions = ["metrics.read", "tasks.submit", "http.fetch:hooks.example.com"]\n'
GRANTS = "{GRANTED: [metrics.read, tasks.submit, 'http.fetch:hooks.example.com']}"
WRAPPER = "order = { before_request = { wrapper = true } }\n"


def plugins(root: Path) -> list[Path]:
    return [
        write(root, "custom.asks", ASKS, PERMISSIONS, "after_response metrics_collected node_state_changed"),
        write(root, "custom.dice", DICE, hooks="before_request before_route node_state_changed"),
        write(root, "custom.wraps", WRAPS, WRAPPER, "before_request"),
    ]


def run(
    root: Path, *words: str, replay: Journal | None = None, granted: str = "custom.asks"
) -> tuple[Assembly, RunRecord]:
    ids = ",".join(sorted(path.name for path in root.iterdir()))
    words = (f"plugins.enabled=[{ids}]", f"plugins.folders=['{root}']", *words)
    grants = "plugins.permissions=" + GRANTS.replace("GRANTED", granted)
    whole = assemble(compose([*FLEET, grants, *words], composed=SHARED), 0, replay)
    return whole, whole.run()


def file_form(journal: Journal | None) -> Journal:
    assert journal is not None
    return Journal.of_lines(journal.lines())


def test_a_run_replays_without_the_code_and_asks_what_it_asked(tmp_path: Path) -> None:
    folders = plugins(tmp_path)
    first, record = run(tmp_path, "plugins.sandbox_plugins=false")
    journal = file_form(first.plugged.journal)
    counts: dict[str, int] = record.counts
    assert counts["plugin_tasks"] > 20
    assert counts["plugin_fetches"] > 10
    assert min(counts[f"plugin_failures_custom.{name}"] for name in ("asks", "dice", "wraps")) > 0
    assert len([entry for entry in journal.entries if entry.asked]) > 20
    assert {entry.early for entry in journal.entries if entry.kind == RAISED} == {True, False}
    for folder in folders:
        (folder / "code.py").write_text(GONE)
    again, replayed = run(tmp_path, "plugins.sandbox_plugins=false", replay=journal)
    assert replayed.digest == record.digest  # every event and every request
    assert replayed.counts == record.counts
    assert again.plugged.stub.recorded == first.plugged.stub.recorded
    assert again.plugged.journal.lines() == first.plugged.journal.lines()


def test_a_worker_that_reads_real_entropy_replays_from_its_journal(tmp_path: Path) -> None:
    folder = write(tmp_path, "custom.entropy", ENTROPY, PERMISSIONS, "before_request")
    first, record = run(tmp_path, granted="custom.entropy")
    assert first.plugged.journal.loads[0].isolation in ("sealed", "confined")
    assert record.counts["plugin_tasks"] > 0
    assert record.counts["plugin_rejections"] > 5
    assert run(tmp_path, granted="custom.entropy")[1].digest != record.digest, "it does read entropy"
    journal = file_form(first.plugged.journal)
    (folder / "code.py").write_text(GONE)
    _, replayed = run(tmp_path, granted="custom.entropy", replay=journal)
    assert (replayed.digest, replayed.counts) == (record.digest, record.counts)


def test_a_stored_run_replays_from_its_journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "plugins", "custom.entropy", ENTROPY, PERMISSIONS, "before_request")
    words = ["horizon_s=10", "drain_s=50", "fleet.nodes=2", "arrivals.utilization_ratio=0.5", "stats.replications=1",
             "plugins.enabled=[custom.entropy]", "plugins.folders=[plugins]",
             "plugins.permissions={custom.entropy: [tasks.submit]}"]  # fmt: skip
    for kept in (True, False):
        plan = make_plan([*words, f"plugins.journal={kept}"])
        (point,) = plan.points
        store_of(plan).save(point.key, 0, run_replication(point.config, 0))
        if kept:
            text, same = replay_run(plan, "run", 0, from_journal=True)
            assert (text[:7], same) == ("equal: ", True)
            text, same = replay_run(plan, "run", 0)
            assert (text[:11], same) == ("different: ", False), "its code reads entropy"
        else:
            with pytest.raises(ConfigError, match=r"plugins\.journal=False: accepted is true"):
                replay_run(plan, "run", 0, from_journal=True)


def test_a_replay_that_takes_another_course_says_where_and_is_no_result(tmp_path: Path) -> None:
    plugins(tmp_path)
    first, _ = run(tmp_path, "plugins.sandbox_plugins=false")
    lines = first.plugged.journal.lines()

    def refused(journal: Journal, *words: str) -> str:
        with pytest.raises(InvalidRun) as caught:
            run(tmp_path, "plugins.sandbox_plugins=false", *words, replay=journal)
        return str(caught.value)

    assert "call 1 of custom.wraps: before_request" in refused(Journal.of_lines(lines), "seed=2")
    short = Journal.of_lines(lines)
    del short.entries[-1]
    assert "no more calls in the journal" in refused(short)
    changed = Journal.of_lines(lines)
    next(each for each in changed.entries if each.asked).asked[0].answer = "0123456789abcdef"
    assert "of custom.asks: tasks.submit" in refused(changed)
    long = Journal.of_lines(lines)
    long.entries.append(long.entries[0])
    assert f"1 calls of {long.entries[0].plugin} in the journal were not made" in refused(long)


def test_calls_that_overlap_are_told_apart(tmp_path: Path) -> None:
    """Two calls of one plugin wait at the same time; each of their asks is noted where it belongs, at its instant."""
    code = """
    class Plugin:
        def __init__(self, context): self.context = context
        async def startup(self, p):
            await self.context._runtime.sleep(p["nodes"])
            await self.context.call("metrics.read", name=f"first of {p['nodes']}")
            await self.context._runtime.sleep(2)
            await self.context.call("metrics.read", name=f"last of {p['nodes']}")
            if p["nodes"] == 9: 1 / 0
    """
    folder = write(tmp_path, "custom.a", code, 'permissions = ["metrics.read"]\n')
    config: Any = {"permissions": {"custom.a": ["metrics.read"]}, "plugin_timeout": 12.5}

    def calls(**parts: Any) -> Rig:
        rig = Rig(tmp_path, config, **parts).up("custom.a")
        tasks = [rig.runtime.spawn(rig.manager.hooks.call("startup", {"nodes": each})) for each in (1, 2, 9, 12)]
        for task in tasks:
            rig.run(task.join())
        return rig

    journal = Journal()
    first = calls(journal=journal)
    assert [[(each.at, each.arguments["name"]) for each in entry.asked] for entry in journal.entries] == [
        [(1.0, "first of 1"), (3.0, "last of 1")], [(2.0, "first of 2"), (4.0, "last of 2")],
        [(9.0, "first of 9"), (11.0, "last of 9")], [(12.0, "first of 12")],
    ]  # fmt: skip
    assert [(entry.kind, entry.why, entry.ended_at) for entry in journal.entries[2:]] == [
        (RAISED, "ZeroDivisionError", 11.0), (RAISED, "TimeoutError", 12.5),
    ]  # fmt: skip
    (folder / "code.py").write_text(GONE)
    again = calls(replay=file_form(journal))
    assert again.events.digest() == first.events.digest()
    assert again.runtime.now() == first.runtime.now() == 12.5


def test_what_a_killed_worker_was_is_told_again(tmp_path: Path) -> None:
    write(tmp_path, "custom.a", "import os\ndef startup(p): os._exit(3)")
    rig = Rig(tmp_path, {"sandbox_plugins": True}, journal=(journal := Journal())).up("custom.a")
    rig.wait_call("startup", nodes=1)
    rig.run(rig.manager.stop())
    assert [(entry.kind, entry.why) for entry in journal.entries] == [(ENDED, "exit")]
    again = Rig(tmp_path, {"sandbox_plugins": True}, replay=file_form(journal)).up("custom.a")
    again.wait_call("startup", nodes=1)
    assert again.reasons("plugin.hook_failed") == rig.reasons("plugin.hook_failed")


def test_arguments_that_are_no_plain_data_reach_no_host_function(tmp_path: Path) -> None:
    code = """
    class Plugin:
        def __init__(self, context): self.context = context
        async def startup(self, p):
            for value in (object(), b"bytes", float("nan"), {1: 2}):
                try: await self.context.call("tasks.submit", kind="x", fields={"value": value})
                except PermissionError as error: self.context.log(str(error)[:24])
    """
    write(tmp_path, "custom.a", code, PERMISSIONS)
    rig = Rig(tmp_path, {"permissions": {"custom.a": ["tasks.submit"]}}, journal=(journal := Journal())).up("custom.a")
    rig.wait_call("startup")
    assert rig.manager.log_of("custom.a") == "arguments are plain data\n" * 4
    assert journal.entries[0].asked == []


def test_a_journal_is_bounded_and_its_file_form_is_whole() -> None:
    journal = Journal(entries_max=2)
    for number in range(2):
        journal.begin(0.5, "custom.a", "startup", {"nodes": number})
    with pytest.raises(JournalFull, match="2 entries"):
        journal.begin(0.5, "custom.a", "startup", {"nodes": 3})
    assert file_form(journal).entries == journal.entries
    for broken in (b"{}\n", journal.lines()[:-9], b"\xff\n", b'{"type":"call"}\n'):
        with pytest.raises(InputError, match="no line of a journal"):
            Journal.of_lines(broken)
