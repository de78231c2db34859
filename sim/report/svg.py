"""From a figure's result to SVG text: the same bytes for the same result, and a form that a page can carry inside.

Ids are hashed with a fixed salt and no metadata (date, program) is written, so that a published figure changes only
when its numbers do. Inside a page the text and series colors become CSS variables, so that one drawing serves light
and dark, and ids get a prefix, so that two drawings in one document do not share them.
"""

from __future__ import annotations

import io
import re
from typing import Any
from xml.sax.saxutils import escape

from sim.report.figure import Figure
from sim.report.palette import variable_of

PX_PER_PT_MIN = 0.9  # a narrower window scrolls the drawing instead of shrinking its text
_NO_METADATA = {"Date": None, "Creator": None, "Format": None, "Type": None}


def render(figure: Figure[Any], result: Any) -> str:
    """The drawing as a standalone SVG document, with its description as title."""
    import matplotlib.figure  # here, for a report without figures
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    from sim.report.drawing import STYLE

    with matplotlib.rc_context(STYLE):
        paper = matplotlib.figure.Figure(figsize=figure.size_in(result), layout="constrained")
        FigureCanvasSVG(paper)
        figure.draw(paper, result)
        buffer = io.StringIO()
        paper.savefig(buffer, format="svg", metadata=_NO_METADATA)
    text = "\n".join(line.rstrip() for line in buffer.getvalue().splitlines()) + "\n"
    title = f"<title>{escape(figure.describe(result))}</title>"
    return re.sub(r"(<svg [^>]*>)", lambda match: f"{match[1]}\n {title}", text, count=1)


def inline(svg: str, prefix: str) -> str:
    """The drawing for use inside HTML: no XML header, own ids, no background, colors as CSS variables."""
    body = svg[svg.index("<svg ") :]
    body = re.sub(r"\s*<title>.*?</title>", "", body, count=1, flags=re.DOTALL)  # the page carries it as a label
    body = re.sub(r'(<image [^>]*?) id="[^"]*"', r"\1", body)  # equal pictures have equal ids; nothing refers to them
    body = re.sub(r'\bid="([^"]+)"', rf'id="{prefix}-\1"', body)
    body = re.sub(r'((?:xlink:)?href)="#([^"]+)"', rf'\1="#{prefix}-\2"', body)
    body = re.sub(r"url\(#([^)]+)\)", rf"url(#{prefix}-\1)", body)
    body = re.sub(r"#[0-9a-fA-F]{6}\b", _swap, body)
    body = re.sub(r'(<svg [^>]*?) width="[^"]*"', r"\1", body, count=1)
    narrowest = f'style="min-width: {PX_PER_PT_MIN * width_pt(svg):.0f}px" aria-hidden="true"'
    return re.sub(r'(<svg [^>]*?) height="[^"]*"', rf"\1 {narrowest}", body, count=1)


def width_pt(svg: str) -> float:
    """Width of the drawing in points, from its view box."""
    found = re.search(r'viewBox="0 0 ([0-9.]+) [0-9.]+"', svg)
    assert found is not None
    return float(found[1])


def _swap(match: re.Match[str]) -> str:
    variable = variable_of(match[0])
    return match[0] if variable is None else f"var({variable}, {match[0]})"
