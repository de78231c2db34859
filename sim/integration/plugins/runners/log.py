"""A plugin's own log: the newest bytes of what it printed, at most `bytes_max`; older ones are dropped and counted."""

from __future__ import annotations


class BoundedLog:
    """Text of one plugin, bounded; whatever it prints, the host holds no more than twice the bound for a moment."""

    def __init__(self, bytes_max: int) -> None:
        self.bytes_max = bytes_max
        self.dropped_bytes = 0
        self._kept = bytearray()

    def add(self, data: bytes) -> None:
        """Append; the oldest bytes go when there are too many."""
        self._kept += data
        over = len(self._kept) - self.bytes_max
        if over > 0:
            del self._kept[:over]
            self.dropped_bytes += over

    def text(self) -> str:
        """What is kept; control characters but newline and tab are shown as escapes, so that no terminal obeys them."""
        told = self._kept.decode(errors="replace")
        return "".join(c if c.isprintable() or c in "\n\t" else f"\\x{ord(c):02x}" for c in told)

    def __len__(self) -> int:
        return len(self._kept)
