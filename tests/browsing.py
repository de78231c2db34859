"""A headless Chromium for tests, driven over its own debugging protocol: pages, scripts, keys, and its console.

Waiting is done in the page, by a look at every frame; a condition that is not met in `PATIENCE_MS` fails the test.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import websockets

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--remote-debugging-port=0",
)  # fmt: skip
PATIENCE_MS = 20_000
UNTIL = """new Promise((met, fail) => {
  const over = setTimeout(() => fail(new Error("never: " + %s)), %d);
  (function look() { if (%s) { clearTimeout(over); met(true); } else requestAnimationFrame(look); })();
})"""


def find_chromium() -> str:
    """The browser's path; skips the test, by name, where there is none."""
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip("no Chromium is found (looked for " + ", ".join(NAMES) + ")")
    return found


class Page:
    """One tab. `said` are errors and warnings of its console, failed loads and exceptions of its scripts."""

    def __init__(self, wire: websockets.ClientConnection) -> None:
        self._wire, self._numbers = wire, itertools.count(1)
        self.said: list[str] = []

    async def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """A command of the protocol and its result; what happened meanwhile is noted."""
        number = next(self._numbers)
        await self._wire.send(json.dumps({"id": number, "method": method, "params": parameters}))
        while True:
            message = json.loads(await self._wire.recv())
            self._note(message)
            if message.get("id") == number:
                assert "error" not in message, message
                result: dict[str, Any] = message["result"]
                return result

    def _note(self, message: dict[str, Any]) -> None:
        method, told = message.get("method"), message.get("params", {})
        if method == "Runtime.exceptionThrown":
            self.said.append(str(told["exceptionDetails"].get("exception", told)))
        elif method == "Runtime.consoleAPICalled" and told["type"] in ("error", "warning", "assert"):
            self.said.append(str(told["args"]))
        elif method == "Log.entryAdded" and told["entry"]["level"] in ("error", "warning"):
            self.said.append(f"{told['entry']['source']}: {told['entry']['text']}")

    async def open(self, address: str, width: int = 1280, height: int = 900, dark: bool = False) -> None:
        """Go there, at a size and in a color scheme, and wait until it has loaded."""
        for domain in ("Runtime", "Log", "Page"):
            await self.call(f"{domain}.enable")
        await self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        await self.call("Emulation.setEmulatedMedia", features=[scheme])
        told = await self.call("Page.navigate", url=address)
        assert "errorText" not in told, told
        await self.until("document.readyState === 'complete' && location.href !== 'about:blank'")

    async def run(self, script: str) -> Any:
        """The value of an expression, awaited; an exception fails the test."""
        told = await self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in told, told["exceptionDetails"].get("exception", told)
        return told["result"].get("value")

    async def until(self, condition: str) -> None:
        """Wait for an expression to be true."""
        await self.run(UNTIL % (json.dumps(condition), PATIENCE_MS, condition))

    async def press(self, key: str, code: int, text: str = "") -> None:
        """A key of the keyboard, down and up, to whatever has the focus."""
        for kind in ("keyDown", "keyUp"):
            more = {"text": text} if text and kind == "keyDown" else {}
            await self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code, **more)

    async def type(self, text: str) -> None:
        """Text into whatever has the focus."""
        await self.call("Input.insertText", text=text)


@asynccontextmanager
async def browser(chromium: str, profile: Path) -> AsyncIterator[Page]:
    """A browser with one empty page; it has ended when the block is left."""
    process = await asyncio.create_subprocess_exec(
        chromium, *FLAGS, f"--user-data-dir={profile}", "about:blank",
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stderr is not None
    try:
        line = ""
        while "DevTools listening on " not in line:
            line = (await process.stderr.readline()).decode()
            assert line, "Chromium ended before it listened"
        drained = asyncio.create_task(process.stderr.read())  # a pipe that is full would stop it
        async with websockets.connect(line.split()[-1], max_size=None) as wire:
            root = Page(wire)
            targets = (await root.call("Target.getTargets"))["targetInfos"]
            tab = next(target["targetId"] for target in targets if target["type"] == "page")
        host = line.split()[-1].split("/")[2]
        async with websockets.connect(f"ws://{host}/devtools/page/{tab}", max_size=None) as wire:
            yield Page(wire)
    finally:
        process.kill()
        await process.wait()
    await drained
