"""What a plugin asks for, where the operator's settings say it: `http.fetch:{webhook_url}` is the host of that setting.

So a plugin that posts to an address from the config needs no host of its own in its manifest; the grant still names it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

PLACE = re.compile(r"\{([a-z_][a-z0-9_]*)\}")


def example(text: str, settings: Mapping[str, Any]) -> str:
    """The permission with a host put in for a setting that there is; unchanged otherwise, so that it does not parse."""
    return PLACE.sub(lambda found: "host.example" if found[1] in settings else found[0], text)


def resolved(texts: Iterable[str], settings: Mapping[str, Any]) -> list[str]:
    """Permissions with the hosts of their settings; one whose setting holds no address is left out."""
    result = []
    for text in texts:
        place = PLACE.search(text)
        if place is None:
            result.append(text)
            continue
        host = host_of(settings.get(place[1]))
        if host:
            result.append(PLACE.sub(host, text))
    return result


def host_of(address: object) -> str:
    """`host` or `host:port` of an http(s) address; empty when it is none."""
    try:
        parts = urlsplit(str(address))
        port = "" if parts.port is None else f":{parts.port}"
    except ValueError:
        return ""
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return ""
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{host}{port}"
