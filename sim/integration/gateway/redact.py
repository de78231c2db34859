"""No secret leaves by a log: what looks like a key or a token is cut out of every text, whatever it came in."""

from __future__ import annotations

import re

SECRET = re.compile(
    r"vs_[0-9a-f]{8}_[A-Za-z0-9_%=+/-]{8,}"  # an API key
    r"|eyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*){0,2}"  # a token
    r"|(?i:bearer)[ +%20]+\S+"
)
TEXT_MAX = 512


def redact(text: str) -> str:
    """The text without secrets and control signs, at most `TEXT_MAX` signs of it."""
    if len(text) > TEXT_MAX:
        text = text[: 4 * TEXT_MAX]  # a secret at the cut is cut out as a whole
    if not text.isprintable():
        text = "".join(sign if sign.isprintable() else "?" for sign in text)
    if "vs_" in text or "eyJ" in text or "bearer" in text.lower():  # one of these is in every match
        text = SECRET.sub("[redacted]", text)
    return text[:TEXT_MAX]
