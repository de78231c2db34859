"""The status page: one HTML file that shows a fleet live over the gateway's WebSocket, or a stored run with a slider.

The page itself holds no data and is the same for everybody, so that a gateway on loopback may hand it to whoever asks;
what it shows comes over authenticated requests. Nothing but its own style and script runs in it: both are named by
their SHA-256 in its Content-Security-Policy (CSP level 3), it loads nothing, and no other page may frame it.
A replay is the same page with the run as a JSON block, which a browser does not run.
"""

from __future__ import annotations

import base64
import hashlib
import json
from functools import cache
from html import escape
from importlib.resources import files
from typing import Any

SCRIPTS = ("model.js", "fold.js", "charts.js", "fleet.js", "panels.js", "replay.js", "live.js", "main.js")
NO_RUN = "null"
PAGE_BYTES_MAX = 100_000  # of the page without a run


def live_page(asks_keys: bool = True) -> tuple[bytes, bytes]:
    """The page of a gateway, and the policy that goes into its header."""
    return _page("victor-sim: fleet status", "connect-src 'self'", NO_RUN, "asked" if asks_keys else "none")


def replay_page(run: dict[str, Any], title: str) -> bytes:
    """The page of one stored run; `run` holds what `sim.bench.playback` gives."""
    text = json.dumps(run, separators=(",", ":"), allow_nan=False)
    return _page(title, "connect-src 'none'", text.replace("<", "\\u003c"))[0]


def _page(title: str, connect: str, run: str, keys: str = "none") -> tuple[bytes, bytes]:
    style, script, body = _assets()
    policy = (
        f"default-src 'none'; img-src data:; style-src {_hashed(style)}; script-src {_hashed(script)}; {connect}; "
        "form-action 'none'; base-uri 'none'"
    )
    page = (
        body.replace("{{title}}", escape(title))
        .replace("{{policy}}", policy)
        .replace("{{keys}}", keys)
        .replace("{{style}}", style)
        .replace("{{script}}", script)
        .replace("{{run}}", run)  # last: what a run holds is not looked at again
    )
    return page.encode(), f"{policy}; frame-ancestors 'none'".encode()


@cache
def _assets() -> tuple[str, str, str]:
    folder = files("sim.integration.gateway.page")
    script = "\n".join(folder.joinpath(name).read_text(encoding="utf-8") for name in SCRIPTS)
    style = folder.joinpath("status.css").read_text(encoding="utf-8")
    return style, script, folder.joinpath("status.html").read_text(encoding="utf-8")


def _hashed(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
