"""report.md: the verdicts and tables of the page, its figures linked."""

from __future__ import annotations

import re

from sim.report.content import Content, Drawn
from sim.report.tables import Cell, Row, Table


def markdown(content: Content) -> str:
    """The report as GitHub-flavored Markdown."""
    lines = [f"# {escape(content.name)}", ""]
    for section in content.sections:
        label = f"{escape(section.label)}: " if section.label else ""
        lines.append(f"- **{badge(section.valid)}** {label}{escape(section.text)}")
        if section.effect:
            lines.append(f"  {escape(section.effect)}")
    if content.question:
        lines += ["", f"*{escape(content.question)}*"]
    lines += ["", f"± is the half-width of the {content.confidence} interval; best is by {escape(content.objective)}."]
    if content.curves:
        lines += ["", f"## {content.curves_head}", *_figures(content.curves)]
    for section in content.sections:
        lines += ["", f"## {escape(section.label) or 'Results'}", "", *_table(section.table)]
        lines += _figures(section.figures)
        if section.further is not None:
            lines += ["", "Further metrics", "", *_table(section.further)]
    if content.whole is not None:
        lines += ["", "## The sweep as a whole", "", *(f"- {escape(text)}" for text in content.whole.text)]
        for head, table in (("Apart over the whole sweep", content.whole.apart), ("Effects", content.whole.effects)):
            lines += ["", head, "", *_table(table)] if table is not None else []
    if content.happened is not None:
        lines += ["", "## What happened", "", content.happened_text, "", *_table(content.happened)]
    lines += ["", "## Losses", "", content.losses_text]
    if not content.lossless:
        lines += ["", *_table(content.losses)]
    lines += ["", "## Validity", "", content.validity_text, "", *_table(content.validity)]
    if content.differences is not None:
        lines += ["", "## Differences in config", "", *_table(content.differences)]
    if content.notes:
        lines += ["", "## Notes", "", *(f"- {_note(note)}" for note in content.notes)]
    lines += ["", "## Make it again", "", "```", content.command, "```", "", f"Seed {content.seed}."]
    if content.versions:
        lines += ["", ", ".join(f"{escape(name)} {escape(version)}" for name, version in content.versions) + "."]
    return "\n".join(lines) + "\n"


def badge(valid: bool) -> str:
    """The word of a verdict's badge."""
    return "VALID" if valid else "INVALID"


def escape(text: str) -> str:
    """Text that stays text: markup, table bars and line breaks lose their meaning."""
    return re.sub(r"([\\`*_\[\]<>|#])", r"\\\1", text).replace("\n", " ")


def _note(text: str) -> str:
    """A note whose words between backticks are code; all else stays text."""
    parts = re.split(r"(`[^`]+`)", text.replace("\n", " "))
    return "".join(part if number % 2 else escape(part) for number, part in enumerate(parts))


def _table(table: Table) -> list[str]:
    heads = [f"{escape(c.head)} ({escape(c.unit)})" if c.unit else escape(c.head) for c in table.columns]
    rules = ["---:" if column.numeric else "---" for column in table.columns]
    return [_line(heads), _line(rules), *(_line(_cells(row)) for row in table.rows)]


def _cells(row: Row) -> list[str]:
    texts = [_cell(cell) for cell in row.cells]
    if row.mark == "best":
        texts = [f"**{text}**" for text in texts]
    if row.tags:
        texts[0] += f" ({escape(', '.join(row.tags))})"
    return texts


def _cell(cell: Cell) -> str:
    return f"{escape(cell.text)} ± {cell.half_width}" if cell.half_width else escape(cell.text)


def _line(texts: list[str]) -> str:
    return "| " + " | ".join(texts) + " |"


def _figures(figures: tuple[Drawn, ...]) -> list[str]:
    return [line for f in figures for line in ("", f"![{escape(f.title)}]({f.file})", "", escape(f.caption))]
