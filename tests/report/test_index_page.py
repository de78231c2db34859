"""The page over all results, and what a page needs to be usable without eyes or mouse, seen in a headless Chromium."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from sim.errors import InputError
from sim.report.index import entries, write_index
from sim.report.page import write_report
from tests.report.synthetic import study
from tests.report.test_report_browser import chromium, dom

__all__ = ["chromium"]

RESULTS = Path(__file__).parents[2] / "results"
PROBE = """
<p id="probe"></p>
<script>
const all = (what) => Array.from(document.querySelectorAll(what));
const parts = (color) => color.match(/[\\d.]+/g).map(Number);
const light = (color) => {
  const linear = (v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  const [r, g, b] = parts(color).map((v) => linear(v / 255));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const behind = (node) => {
  for (let at = node; at; at = at.parentElement) {
    const color = getComputedStyle(at).backgroundColor, alpha = parts(color)[3];
    if (alpha === undefined || alpha === 1) return color;
  }
  return "rgb(255, 255, 255)";
};
const contrast = (node) => {
  const [a, b] = [light(getComputedStyle(node).color), light(behind(node))].sort((x, y) => y - x);
  return (a + 0.05) / (b + 0.05);
};
const texts = all("h1, h2, p, th, td, a, button, li, summary, .badge, .tag, .half, .unit, figcaption")
  .filter((node) => node.textContent.trim() && node.getClientRects().length);
const head = document.querySelector("table.sortable thead th");
head.querySelector("button").focus();
document.activeElement.click();
const wide = document.documentElement.scrollWidth - window.innerWidth;
document.getElementById("probe").textContent = JSON.stringify({
  lang: document.documentElement.lang, title: Boolean(document.title), h1: all("h1").length,
  scopeless: all("th:not([scope])").length,
  unnamed: all("table").filter((table) => !table.caption && !table.closest("[aria-label]")).length,
  silent: all("img:not([alt]), [role=img]:not([aria-label]), svg").filter((node) =>
    !(node.tagName === "svg" && node.closest("[aria-label], [aria-hidden=true]"))).length,
  wordless: all("button, a").filter((node) => !node.textContent.trim()).length,
  ids: all("[id]").length - new Set(all("[id]").map((node) => node.id)).size,
  stuck: all("table.sortable thead button").filter((button) => button.tabIndex < 0).length,
  sorted: head.getAttribute("aria-sort"), focused: document.activeElement.tagName, wide: Math.max(wide, 0),
  faint: texts.filter((node) => contrast(node) < 4.5).map((node) => node.tagName + " " + node.className),
});
</script>
"""
SOUND = {
    "lang": "en", "title": True, "h1": 1, "scopeless": 0, "unnamed": 0, "silent": 0, "wordless": 0, "ids": 0,
    "stuck": 0, "sorted": "ascending", "focused": "BUTTON", "wide": 0, "faint": [],
}  # fmt: skip


def made(root: Path, name: str, **manifest: object) -> Path:
    folder = root / name
    folder.mkdir(parents=True)
    (folder / "report.html").write_text("x", encoding="utf-8")
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    return folder


def test_every_folder_of_results_is_an_entry(tmp_path: Path) -> None:
    made(tmp_path, "b/one", question="which?", verdicts=["this <b>"], validity="VALID", command="victor-sim run x=1")
    made(tmp_path, "a", question="", verdicts=[], validity="INVALID", command="c")
    (tmp_path / "c").mkdir()
    text = "# Speeds\n\n| a |\n\nWhat [a test](t.md) takes,\nin `s`.\n"
    (tmp_path / "c" / "README.md").write_text(text, encoding="utf-8")
    (tmp_path / "d").mkdir()
    found = entries(tmp_path)
    assert [(entry.name, entry.validity) for entry in found] == [("a", "INVALID"), ("b/one", "VALID"), ("c", "")]
    assert [entry.link for entry in found] == ["a/report.html", "b/one/report.html", "c/README.md"]
    assert (found[2].asked, found[2].found) == ("Speeds", ("What a test takes, in s.",))
    page = write_index(tmp_path).read_text(encoding="utf-8")
    assert "this &lt;b&gt;" in page
    assert 'href="b/one/report.html"' in page
    assert str(tmp_path) not in page


def test_the_table_of_the_root_gives_commands_and_single_files(tmp_path: Path) -> None:
    made(tmp_path, "a", question="q", verdicts=[], validity="VALID", command="own")
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "README.md").write_text("# Speeds\n", encoding="utf-8")
    (tmp_path / "kills.csv").write_text("x", encoding="utf-8")
    rows = ("| [a](a/report.md) | other | `no` |", "| [c](c/README.md) | how fast? | `make it` |",
            "| [k](kills.csv), [gone](gone.csv) | lost? | `victor-sim a`, `b | c` |")  # fmt: skip
    (tmp_path / "README.md").write_text("# All\n\n| f | q | c |\n| --- | --- | --- |\n" + "\n".join(rows), "utf-8")
    found = [(entry.name, entry.asked, entry.command) for entry in entries(tmp_path)]
    assert found == [("a", "q", "own"), ("c", "Speeds", "make it")]
    text = (tmp_path / "README.md").read_text(encoding="utf-8").replace("`b | c`", "`b`")
    (tmp_path / "README.md").write_text(text, encoding="utf-8")
    assert entries(tmp_path)[-1].command == "victor-sim a, b"
    assert entries(tmp_path)[-1].link == "kills.csv"  # what is gone has no row


def test_everything_published_has_its_command() -> None:
    assert [entry.name for entry in entries(RESULTS) if not entry.command] == []


def test_a_folder_without_reports_or_with_a_broken_manifest_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no folder below has a report"):
        write_index(tmp_path)
    made(tmp_path, "a", question="no validity")
    with pytest.raises(InputError, match="no manifest as"):
        write_index(tmp_path)


def test_bytes_that_are_not_utf_8_cost_no_entry(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_bytes("| [Zürich](one/README.md) | caf\xe9? | `run` |\n".encode("latin-1"))
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "README.md").write_bytes(b"# Caf\xe9\n\nA fleet of caf\xe9s.\n")
    (entry,) = entries(tmp_path)
    assert (entry.asked, entry.found, entry.command) == ("Caf\ufffd", ("A fleet of caf\ufffds.",), "run")


def test_the_committed_index_leads_to_what_is_there() -> None:
    links = re.findall(r'<th scope="row"><a href="([^"]+)"', (RESULTS / "index.html").read_text(encoding="utf-8"))
    assert len(links) > 10
    assert [link for link in links if not (RESULTS / link).is_file()] == []


@pytest.mark.browser
@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("page", ["report", "index"])
def test_pages_are_usable_by_keyboard_and_screen_reader(chromium: str, tmp_path: Path, page: str, dark: bool) -> None:
    write_report(study(situations=("",)), tmp_path / "balancers")
    manifest = {"question": "which?", "verdicts": ["this"], "validity": "VALID", "command": "victor-sim run"}
    (tmp_path / "balancers" / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    path = write_index(tmp_path) if page == "index" else tmp_path / "balancers" / "report.html"
    path.write_text(path.read_text(encoding="utf-8").replace("</body>", PROBE + "</body>"), encoding="utf-8")
    size = "--window-size=500,900" if dark else "--window-size=1280,900"
    flags = [size, *(["--blink-settings=preferredColorScheme=0"] if dark else [])]
    text, console = dom(chromium, path, tmp_path / "profile", *flags)
    assert console == []
    probe = re.search(r'<p id="probe">(.*?)</p>', text)
    assert probe is not None, text[-2000:]
    assert json.loads(probe[1].replace("&amp;", "&")) == SOUND


@pytest.mark.browser
def test_a_page_that_is_not_usable_would_be_seen(chromium: str, tmp_path: Path) -> None:
    page = tmp_path / "broken.html"
    table = '<table class="sortable"><thead><tr><th><button tabindex="-1"></button></th></tr></thead></table>'
    body = f'<h1>a</h1><h1>b</h1><img src="x.png"><p style="color: #aaa" id="p">pale</p><i id="p"></i>{table}'
    page.write_text(
        f"<!DOCTYPE html><html><body>{body}<div style='width: 3000px'>x</div>{PROBE}</body></html>", "utf-8"
    )
    text, _ = dom(chromium, page, tmp_path / "profile")
    probe = re.search(r'<p id="probe">(.*?)</p>', text)
    assert probe is not None
    found = json.loads(probe[1])
    assert found.pop("wide") > 1000
    assert found.pop("focused") == "BUTTON"
    assert found == {
        "lang": "", "title": False, "h1": 2, "scopeless": 1, "unnamed": 1, "silent": 1, "wordless": 1, "ids": 1,
        "stuck": 1, "sorted": None, "faint": ["P "],
    }  # fmt: skip
