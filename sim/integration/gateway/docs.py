"""The documentation page: drawn here from the OpenAPI document, without a script and without the network."""

from __future__ import annotations

from html import escape
from typing import Any

STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:60rem;padding:0 1rem;color:#1a1a1a}"
    "table{border-collapse:collapse;width:100%}td,th{border-bottom:1px solid #ccc;padding:.4rem;text-align:left;"
    "vertical-align:top}code{background:#f2f2f2;padding:.1rem .3rem}"
)


def docs_page(document: dict[str, Any]) -> str:
    """HTML of an OpenAPI document: one row an endpoint."""
    rows = []
    for path, methods in sorted(document["paths"].items()):
        for method, told in methods.items():
            scope = ", ".join(scope for one in told.get("security", ()) for scopes in one.values() for scope in scopes)
            statuses = ", ".join(status for status in told.get("responses", {}) if status < "400")
            cells = (f"<code>{method.upper()}</code>", f"<code>{escape(path)}</code>", escape(told.get("summary", "")),
                     escape(scope or "open"), escape(statuses))  # fmt: skip
            rows.append("<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>")
    title = escape(document["info"]["title"])
    heads = "".join(f"<th>{name}</th>" for name in ("Method", "Path", "What it does", "Scope", "Answers"))
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f"<style>{STYLE}</style></head>"
        f"<body><h1>{title}</h1><p>Keys go in <code>X-API-Key</code>, tokens in <code>Authorization: Bearer</code>. "
        f'Errors are <code>application/problem+json</code>. <a href="openapi.json">OpenAPI document</a>.</p>'
        f"<table><thead><tr>{heads}</tr></thead><tbody>{''.join(rows)}</tbody></table></body></html>"
    )
