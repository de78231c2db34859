"""Accessibility of a page as a browser sees it: the rules of WCAG 2.2 level A that a machine can decide, and contrast.

From the DOM: language (3.1.1), title (2.4.2), landmarks, headings in order and one h1 (1.3.1), labels that name what is
there, ids used once (4.1.2), heads of tables, no positive tabindex (2.4.3), scrollable boxes that a keyboard reaches
(2.1.1), contrast of visible text of 4.5, or 3 where it is large (1.4.3, which is level AA). From the browser's own
accessibility tree: every control, link, picture and named region has a name (1.1.1, 4.1.2).
"""

from __future__ import annotations

from pathlib import Path

from tests.browsing import Page

NAMED = frozenset(
    ("button", "link", "textbox", "searchbox", "combobox", "slider", "checkbox", "radio", "image", "img", "region",
     "form", "PopUpButton", "spinbutton")
)  # fmt: skip
AUDIT = Path(__file__).with_suffix(".js").read_text(encoding="utf-8")


async def problems(page: Page) -> list[str]:
    """What breaks a rule, each with the beginning of its element; a page without visible text is a problem too."""
    told = await page.run(AUDIT)
    found: list[str] = list(told["found"])
    if told["texts"] == 0:
        found.append("no visible text")
    await page.call("Accessibility.enable")
    nodes = (await page.call("Accessibility.getFullAXTree"))["nodes"]
    for node in nodes:
        role = node.get("role", {}).get("value", "")
        name = str(node.get("name", {}).get("value", "")).strip()
        if role in NAMED and not node.get("ignored") and not name:
            found.append(f"a {role} without a name")
    return found
