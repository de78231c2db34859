"""The page in a headless Chromium: it renders, its tables sort, its figures are there, the console has no error."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from sim.report.page import write_report
from tests.report.synthetic import STRATEGIES, study
from tests.report.synthetic_fire import detectors

pytestmark = pytest.mark.browser

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--enable-logging=stderr", "--dump-dom",
)  # fmt: skip
PROBE = """
<p id="probe"></p>
<script>
const table = document.querySelector("#group-1 table");
const first = () => table.tBodies[0].rows[0].cells[0].firstChild.data;
const press = (column) => table.tHead.rows[0].cells[column].querySelector("button").click();
const seen = [];
press(1); press(1); seen.push(first());
press(0); seen.push(first());
press(1); seen.push(first());
const pictures = Array.from(document.querySelectorAll(".picture svg"));
const drawn = pictures.filter((svg) => svg.getBoundingClientRect().height > 150).length;
const wide = document.documentElement.scrollWidth - window.innerWidth;
const words = pictures.filter((svg) => svg.textContent.includes("random")).length;
document.getElementById("probe").textContent = JSON.stringify([seen, drawn, wide <= 0, words]);
</script>
"""


@pytest.fixture(scope="module")
def chromium() -> str:
    """The browser's path."""
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip("no Chromium is found (looked for " + ", ".join(NAMES) + ")")
    return found


def dom(chromium: str, page: Path, profile: Path, *flags: str) -> tuple[str, list[str]]:
    """The page's DOM after its scripts ran, and what the console said."""
    command = [chromium, *FLAGS, *flags, f"--user-data-dir={profile}", page.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    return done.stdout, [line for line in done.stderr.splitlines() if "CONSOLE" in line]


@pytest.mark.parametrize(
    "flags", [("--window-size=1280,900",), ("--window-size=500,900", "--blink-settings=preferredColorScheme=0")]
)
def test_page_renders_and_sorts_without_a_console_error(chromium: str, tmp_path: Path, flags: tuple[str, ...]) -> None:
    write_report(study(loads=(0.5, 0.9), situations=("",)), tmp_path)
    page = tmp_path / "report.html"
    page.write_text(page.read_text(encoding="utf-8").replace("</body>", PROBE + "</body>"), encoding="utf-8")
    text, console = dom(chromium, page, tmp_path / "profile", *flags)
    assert console == []
    probe = re.search(r'<p id="probe">(.*?)</p>', text)
    assert probe is not None, text[-2000:]
    # worst first, by name, best first; nine figures of full height that name strategies; no sideways scroll
    assert probe[1] == '[["random","consistent_","join_"],9,true,9]'
    assert text.count("<figure ") == 9
    assert text.count('<table class="sortable">') == 7
    for strategy in STRATEGIES:
        assert f">{strategy}<" in text.replace("<wbr>", "")


FIRE_PROBE = """
<p id="probe"></p>
<script>
const pictures = Array.from(document.querySelectorAll(".picture svg"));
const shares = Array.from(document.querySelectorAll("figure")).map(
  (figure) => Math.round(100 * figure.clientWidth / figure.parentElement.clientWidth));
const clipped = pictures.filter((svg) => Array.from(svg.querySelectorAll("text")).some((text) => {
  const word = text.getBoundingClientRect(), paper = svg.getBoundingClientRect();
  return word.left < paper.left - 1 || word.right > paper.right + 1 || word.top < paper.top - 1;
})).length;
const wide = document.documentElement.scrollWidth - window.innerWidth;
const happened = document.querySelectorAll("#happened tbody tr").length;
document.getElementById("probe").textContent = JSON.stringify([pictures.length, shares, clipped, wide <= 0, happened]);
</script>
"""


@pytest.mark.parametrize(
    ("flags", "shares"),
    [(("--window-size=1280,900",), "[100,100,49,100]"), (("--window-size=500,900",), "[100,100,100,100]")],
)
def test_figures_of_a_fleet_under_fire_fit_their_page(
    chromium: str, tmp_path: Path, flags: tuple[str, ...], shares: str
) -> None:
    write_report(detectors(), tmp_path)
    page = tmp_path / "report.html"
    page.write_text(page.read_text(encoding="utf-8").replace("</body>", FIRE_PROBE + "</body>"), encoding="utf-8")
    text, console = dom(chromium, page, tmp_path / "profile", *flags)
    assert console == []
    probe = re.search(r'<p id="probe">(.*?)</p>', text)
    assert probe is not None, text[-2000:]
    # four figures, the wide ones over a whole row, no word beyond its paper, no sideways scroll, six points told
    assert probe[1] == f"[4,{shares},0,true,6]"


def test_a_console_error_would_be_seen(chromium: str, tmp_path: Path) -> None:
    page = tmp_path / "broken.html"
    page.write_text("<!DOCTYPE html><title>x</title><script>missing();</script>", encoding="utf-8")
    _, console = dom(chromium, page, tmp_path / "profile")
    assert len(console) == 1
    assert "missing is not defined" in console[0]
