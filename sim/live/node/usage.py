"""How busy a node's process is: its share of one processor since the last look, and its share of the memory."""

from __future__ import annotations

import os
import resource
from pathlib import Path

STATM = Path("/proc/self/statm")


class Usage:
    """Ratios in 0..1; 0 where the system does not tell."""

    def __init__(self) -> None:
        self._at: float | None = None
        self._cpu_s = 0.0
        self._memory_bytes = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")

    def read(self, now: float) -> tuple[float, float]:
        """Processor and memory."""
        spent = resource.getrusage(resource.RUSAGE_SELF)
        cpu_s = spent.ru_utime + spent.ru_stime
        elapsed_s = 0.0 if self._at is None else now - self._at
        ratio = min(1.0, (cpu_s - self._cpu_s) / elapsed_s) if elapsed_s > 0.0 else 0.0
        self._at, self._cpu_s = now, cpu_s
        return max(0.0, ratio), min(1.0, self._resident_bytes() / self._memory_bytes)

    @staticmethod
    def _resident_bytes() -> int:
        try:
            return int(STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        except (OSError, IndexError, ValueError):
            return 0
