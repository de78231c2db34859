"""A stored run as a page in a headless Chromium: slider, keys, play, steps, filter; accessibility of our pages."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from sim.bench import assemble
from sim.bench.compose import compose
from sim.bench.playback import playback
from sim.integration.gateway.watch import replay_page
from sim.report.page import write_report
from tests.accessibility import problems
from tests.browsing import Page, browser, find_chromium
from tests.report.synthetic_fire import detectors

pytestmark = pytest.mark.browser

PATIENCE_S = 110.0  # for all of it, a browser's start on a busy machine included
RUN = (
    "fleet.nodes=3", "fleet.agents_per_node=2", "arrivals.utilization_ratio=.6", "horizon_s=300", "faults=crash",
    "faults.crash.mttf_s=200", "health=aggressive", "failover=default", "autoscaler=threshold",
    "autoscaler.min_nodes=2", "autoscaler.max_nodes=5", "plugins=shipped",
)  # fmt: skip
CLOCK = "document.getElementById('clock').textContent"
NAMES = "Array.from(document.querySelectorAll('.node b'), (name) => name.textContent)"
WORDS = "Array.from(document.querySelectorAll('.node .word'), (word) => word.textContent)"
KINDS = "new Set(Array.from(document.querySelectorAll('#events tr'), (row) => row.cells[1].textContent))"
SIDEWAYS = "document.documentElement.scrollWidth - innerWidth"


def written(path: Path) -> dict[str, float]:
    """A page with a run under fire; gives when its first fault began and when it was seen."""
    assembly = assemble.assemble(compose(list(RUN)), 0)
    record = assembly.run()
    told = playback(record, list(assembly.log.rows), assembly.log.count)
    head = {"name": "tiny", "point": "run", "replication": 0, "seed": 1, "verdict": "bit for bit", "command": "again"}
    path.write_bytes(replay_page({**head, **told}, "tiny: run"))
    first = {}
    for row in assembly.log.rows:
        first.setdefault(row.kind, row.at)
    return first


async def played(page: Page, address: str, first: dict[str, float]) -> None:
    await page.open(address)
    assert await page.run(CLOCK) == "0:00"
    assert await page.run(NAMES) == ["node-0", "node-1", "node-2"]
    assert await page.run(f"new Set({WORDS}).size") == 1
    assert await problems(page) == []

    await page.run("document.getElementById('time').focus()")
    for _ in range(3):
        await page.press("ArrowRight", 39)
    assert await page.run("victor.now / victor.until") == pytest.approx(0.03)  # a key moves it by a hundredth
    told = await page.run("document.getElementById('time').getAttribute('aria-valuetext')")
    assert told == f"{await page.run(CLOCK)} of {await page.run('clock(victor.until)')}"

    seen_at = first["node_status"]
    await page.run(
        f"{{ const time = document.getElementById('time'); time.value = {round(seen_at, 3)}; "
        "time.dispatchEvent(new Event('input')); }"
    )
    assert "✕ down" in await page.run(WORDS)
    assert await page.run("document.querySelectorAll('#faults .bad').length") >= 1
    assert await page.run("document.querySelectorAll('svg .fault').length") >= 4  # a band in each chart
    assert await page.run(f"Array.from({KINDS}).includes('node_status')")

    await page.run(
        "document.getElementById('back').click()"
    )  # to the event before: the fault is on, nobody has seen it
    assert "✕ down" not in await page.run(WORDS)
    await page.run("{ const group = document.getElementById('group'); group.value = 'fault'; "
                   "group.dispatchEvent(new Event('change')); }")  # fmt: skip
    assert await page.run(f"Array.from({KINDS})") == ["fault_began"]

    before = await page.run("victor.now")
    await page.run("document.getElementById('speed').value = '60'")
    await page.run("document.getElementById('play').focus()")
    await page.press(" ", 32, " ")
    await page.until(f"victor.now > {before} + 10")
    assert await page.run("document.getElementById('play').textContent") == "Pause"
    await page.press(" ", 32, " ")
    assert not await page.run("victor.playing")
    assert await page.run("getComputedStyle(document.getElementById('play')).outlineStyle") == "solid"  # focus is seen


async def whole(folder: Path, chromium: str) -> None:
    first = written(folder / "replay.html")
    write_report(detectors(), folder)
    async with browser(chromium, folder / "profile") as page:
        await played(page, (folder / "replay.html").as_uri(), first)
        for name, width, dark in (("replay.html", 400, True), ("report.html", 400, True), ("report.html", 1280, False)):
            await page.open((folder / name).as_uri(), width, dark=dark)
            assert await problems(page) == [], (name, width)
            assert await page.run(SIDEWAYS) <= 0, (name, width)
        assert page.said == []
        await page.open("data:text/html,<p style='color:silver'>pale</p><input><button></button>")
        found = await problems(page)
        for rule in (
            "no language",
            "no title",
            "not exactly one h1",
            "no label",
            "contrast",
            "a button without a name",
        ):
            assert any(line.startswith(rule) for line in found), (rule, found)
        await page.run("console.error('told')")
        await page.run("1")
        assert len(page.said) == 1


def test_a_run_is_played_and_our_pages_are_accessible(tmp_path: Path) -> None:
    asyncio.run(asyncio.wait_for(whole(tmp_path, find_chromium()), PATIENCE_S))
