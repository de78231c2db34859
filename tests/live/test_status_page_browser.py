"""The status page of a gateway in a headless Chromium: logs in, sees nodes and events come, forgets a revoked key."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from sim import APIGateway, DistributedManager
from sim.types.fleet import NodeInfo
from tests.accessibility import problems
from tests.browsing import browser, find_chromium

pytestmark = pytest.mark.browser

TILES = "Array.from(document.querySelectorAll('.node b'), (name) => name.textContent)"
ROWS = "Array.from(document.querySelectorAll('#events tr'), (row) => Array.from(row.cells, (cell) => cell.textContent))"
SHOWN = "['login', 'main'].filter((id) => !document.getElementById(id).hidden).join()"
PATIENCE_S = 90.0  # a browser takes its time to start on a busy machine
SIDEWAYS = "document.documentElement.scrollWidth - innerWidth"


async def drive(state: Path, chromium: str) -> None:
    manager = DistributedManager({"auto_scaling": False})
    gateway = APIGateway({"port": 0}, manager=manager, state=state)
    assert gateway.keys is not None
    key = gateway.issue_key("me", "read")
    await gateway.start()
    try:
        async with browser(chromium, state / "profile") as page:
            await page.open(f"http://127.0.0.1:{gateway.port}/", width=400)
            assert await page.run(SHOWN) == "login"
            assert await page.run("document.activeElement.id") == "key"
            assert await problems(page) == []
            assert page.said == []

            await page.type("vs_00000000_" + "A" * 43)
            await page.press("Enter", 13, "\r")
            await page.until("document.getElementById('login-problem').textContent !== ''")
            assert await page.run(SHOWN) == "login"
            assert len(page.said) == 1  # the browser's own line about the answer
            assert "401" in page.said[0]
            page.said.clear()

            await page.type(key)
            await page.press("Enter", 13, "\r")
            await page.until(f"{SHOWN} === 'main'")
            assert await page.run("document.getElementById('link').textContent") == "live"
            assert await page.run(TILES) == []
            for name in ("n1", "n2"):
                await manager.register_node(NodeInfo(name, "10.0.0.1", 80, capacity=3))
            gateway.events.write(gateway.runtime.now(), "node_ejected", "n2", reason="5 failures in a row")
            await page.until(f"{TILES}.length === 2")
            await page.until(f"{ROWS}.some((row) => row[1] === 'node_ejected')")
            assert await page.run(TILES) == ["n1", "n2"]
            row = await page.run(f"{ROWS}.find((row) => row[1] === 'node_ejected')")
            assert row[2:] == ["n2", "5 failures in a row"]
            await page.until("document.querySelector('.node.warn .word').textContent === '◐ ejected'")
            assert key not in await page.run("location.href")
            assert await page.run("document.cookie") == ""
            assert await page.run(SIDEWAYS) <= 0
            assert await problems(page) == []
            assert page.said == []

            await page.run(
                "for (let n = 0; n < 2100; n += 1) victor.take({at: n, kind: 'k', subject: 's', fields: {}})"
            )
            await page.run("for (let n = 0; n < 950; n += 1) victor.take(victor.status)")
            assert await page.run("[victor.events.length, victor.series.at.length]") == [2000, 900]  # the newest stay
            assert await page.run("victor.events[0].at") == 100

            gateway.keys.revoke("me", gateway.runtime.wall_at())
            await page.until(f"{SHOWN} === 'login'")
            assert await page.run("sessionStorage.length") == 0
    finally:
        await gateway.stop()


def test_a_browser_logs_in_and_sees_nodes_and_events_come(tmp_path: Path) -> None:
    asyncio.run(asyncio.wait_for(drive(tmp_path, find_chromium()), PATIENCE_S))
