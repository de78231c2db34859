"""Pages committed under results/, seen in a headless Chromium at a phone's width: nothing is said, cut or unnamed."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.accessibility import problems
from tests.browsing import browser, find_chromium

RESULTS = Path(__file__).parents[2] / "results"
BYTES_MAX = 5_000_000
# the widest: many groups, heat maps of equal pixels; a search; two situations; the table over all
PAGES = ("published/gray_failure/report.html", "published/capacity/report.html", "published/balancers/report.html",
         "index.html")  # fmt: skip
SIDEWAYS = "document.documentElement.scrollWidth - innerWidth"
PATIENCE_S = 110.0


async def seen(profile: Path) -> dict[str, list[str]]:
    found = {}
    async with browser(find_chromium(), profile) as page:
        for name in PAGES:
            await page.open((RESULTS / name).as_uri(), width=400, dark=True)
            found[name] = [*await problems(page), *page.said]
            if await page.run(SIDEWAYS) > 0:
                found[name].append("scrolls sideways")
            page.said.clear()
    return found


@pytest.mark.browser
def test_committed_pages_have_no_problem_on_a_phone(tmp_path: Path) -> None:
    found = asyncio.run(asyncio.wait_for(seen(tmp_path), PATIENCE_S))
    assert found == {name: [] for name in PAGES}


def test_committed_pages_stay_small() -> None:
    sizes = {path.parent.name: path.stat().st_size for path in RESULTS.glob("**/*.html")}
    assert len(sizes) > 10
    assert [name for name, size in sizes.items() if size >= BYTES_MAX] == []
