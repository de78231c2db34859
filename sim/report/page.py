"""The report of a study: report.html (one file that asks the network for nothing), report.md, CSV tables, figures.

Everything is a function of the summary: the same summary gives the same bytes. Text is written whole or not at all.
"""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup, escape

from sim.measure.summary import StudySummary
from sim.report import palette, svg
from sim.report.content import Content, Drawn, build
from sim.report.files import write_text
from sim.report.markdown import badge, markdown
from sim.report.table_files import comparisons_csv, effects_csv, pairs_csv, points_csv, replications_csv

INLINE_BYTES_MAX = 4_500_000  # of drawings inside the page; what comes later is linked to its file
OPEN_GROUPS_MAX = 3  # with more groups than that, all but the first are folded


def write_report(summary: StudySummary, folder: Path) -> None:
    """Write report.html, report.md, CSV tables (a sweep's effects and pairs too), figures/*.svg into `folder`.

    The folder is made if absent. Raises `ConfigError` for an unknown name in `summary.figures` before it writes.
    """
    content = build(summary)
    page = html(content)
    for drawn in (*content.curves, *(figure for section in content.sections for figure in section.figures)):
        write_text(folder / drawn.file, drawn.svg)
    write_text(folder / "points.csv", points_csv(summary))
    write_text(folder / "comparisons.csv", comparisons_csv(summary))
    write_text(folder / "replications.csv", replications_csv(summary))
    sweep = summary.sweep
    if sweep is not None and sweep.effects:
        write_text(folder / "effects.csv", effects_csv(sweep))
    if sweep is not None and sweep.pairs:
        write_text(folder / "pairs.csv", pairs_csv(sweep))
    write_text(folder / "report.md", markdown(content))
    write_text(folder / "report.html", page)


def html(content: Content) -> str:
    """The page; figures are inlined as far as `INLINE_BYTES_MAX` reaches."""
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters["breakable"] = breakable
    environment.filters["spelled"] = spelled
    template = environment.from_string(_asset("page.html.jinja"))
    return template.render(
        content=content,
        badge=badge,
        pictures=_pictures(content),
        folded=len(content.sections) > OPEN_GROUPS_MAX,
        light=palette.variables(dark=False),
        dark=palette.variables(dark=True),
        style=Markup(_asset("style.css")),
        script=Markup(_asset("page.js")),
    )


def breakable(text: str) -> Markup:
    """A name that may wrap after its underscores and commas, escaped."""
    return Markup(re.sub(r"([_,])(?=\S)", r"\1<wbr>", str(escape(text))))


def spelled(text: str) -> Markup:
    """A note whose words between backticks are code, escaped."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))


def _pictures(content: Content) -> dict[str, Markup]:
    """Drawings for the page by anchor; those past the bound are missing."""
    pictures: dict[str, Markup] = {}
    left = INLINE_BYTES_MAX
    figures: list[Drawn] = [*content.curves, *(figure for section in content.sections for figure in section.figures)]
    for drawn in figures:
        text = svg.inline(drawn.svg, drawn.anchor)
        left -= len(text.encode())
        if left < 0:
            break
        pictures[drawn.anchor] = Markup(text)
    return pictures


def _asset(name: str) -> str:
    return files("sim.report").joinpath(name).read_text(encoding="utf-8")
