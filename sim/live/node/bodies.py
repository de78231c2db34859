"""What an agent does: a Python callable `module:function`, or an HTTP upstream.

A callable takes the task's input (a dict) and gives a dict; one that is no coroutine function runs in a thread. An
upstream gets the input as JSON by POST and answers with JSON. Whose code runs is the node operator's choice alone
(`node.agents`): the control plane names types, never code. Answers are capped.
"""

from __future__ import annotations

import http.client
import importlib
import inspect
import json
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

from sim.contracts import Runtime
from sim.errors import ConfigError, FleetError

Body = Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]

ANSWER_BYTES_MAX = 1_048_576
ACCEPTED = "module:function of a callable that takes and gives a dict, or an http:// or https:// address"


def make_body(agent_type: str, spec: str, runtime: Runtime, timeout_s: float) -> Body:
    """The body of an agent type; raises `ConfigError` naming the key."""
    key = f"node.agents.{agent_type}"
    if spec.startswith(("http://", "https://")):
        return upstream(key, spec, runtime, timeout_s)
    module, _, name = spec.partition(":")
    if not module or not name:
        raise ConfigError(key, spec, ACCEPTED)
    try:
        found = importlib.import_module(module)
        for part in name.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError) as error:
        raise ConfigError(key, spec, f"{ACCEPTED} ({error})") from error
    if not callable(found):
        raise ConfigError(key, spec, ACCEPTED)
    return called(found, runtime)


def called(function: Callable[[dict[str, Any]], Any], runtime: Runtime) -> Body:
    """A Python callable as a body."""
    waits = inspect.iscoroutinefunction(function)

    async def body(content: dict[str, Any]) -> dict[str, Any]:
        said = await function(content) if waits else await runtime.run_blocking(lambda: function(content))
        if not isinstance(said, dict):
            raise FleetError(f"the agent gave a {type(said).__name__}, accepted is a dict")
        return said

    return body


def upstream(key: str, address: str, runtime: Runtime, timeout_s: float) -> Body:
    """An HTTP service as a body; raises `ConfigError` for an address that is none."""
    parts = urlsplit(address)
    if not parts.hostname or parts.username is not None:
        raise ConfigError(key, parts.hostname, ACCEPTED + ", without a name or password in it")
    connect = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    host, port, path = parts.hostname, parts.port, (parts.path or "/") + (f"?{parts.query}" if parts.query else "")

    def post(content: dict[str, Any]) -> dict[str, Any]:
        connection = connect(host, port, timeout=timeout_s)
        try:
            headers = {"content-type": "application/json", "accept": "application/json"}
            connection.request("POST", path, json.dumps(content), headers)
            answer = connection.getresponse()
            text = answer.read(ANSWER_BYTES_MAX + 1)
        except (OSError, http.client.HTTPException) as error:
            raise FleetError(f"the upstream did not answer: {type(error).__name__}") from error
        finally:
            connection.close()
        if not 200 <= answer.status < 300:
            raise FleetError(f"the upstream answered {answer.status}")
        if len(text) > ANSWER_BYTES_MAX:
            raise FleetError(f"the upstream's answer has over {ANSWER_BYTES_MAX} bytes")
        try:
            said = json.loads(text)
        except ValueError as error:
            raise FleetError("the upstream's answer is no JSON") from error
        return said if isinstance(said, dict) else {"answer": said}

    async def body(content: dict[str, Any]) -> dict[str, Any]:
        return await runtime.run_blocking(lambda: post(content))

    return body
