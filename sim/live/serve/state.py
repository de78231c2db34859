"""What a served control plane keeps in `paths.state`/live: lock, node credential, journals, ports.

One process at a time holds the lock, which the system releases however the process ends. Ports that were picked are
kept, so that nodes find a control plane that was started again.
"""

from __future__ import annotations

import fcntl
import json
import os
from pathlib import Path

from sim.errors import ConfigError, InputError
from sim.live.entropy import system_entropy
from sim.live.link.credential import node_secret
from sim.scalability.manager.journal_file import FileJournal

FOLDER, LOCK, PORTS = "live", "lock", "ports.json"
ASSIGNMENT, TASKS = "assignment.journal", "tasks.journal"


OTHER = "paths.state=OTHER for a second fleet, or end the one that runs (Ctrl-C or SIGTERM)"


class LiveState:
    """Opened once; raises `ConfigError` while another process holds it, `InputError` for damage."""

    def __init__(self, state: str) -> None:
        self.folder = Path(state) / FOLDER
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock = os.open(self.folder / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(self._lock)
            raise ConfigError(
                "paths.state", state, "a folder that no other `victor-sim serve` uses now", OTHER
            ) from error
        try:
            self.secret = node_secret(self.folder, system_entropy)
            self.assignment = FileJournal(self.folder / ASSIGNMENT)
            self.tasks = FileJournal(self.folder / TASKS)
        except BaseException:
            os.close(self._lock)
            raise

    def port(self, name: str, asked: int) -> int:
        """The port asked for; for 0 the one of the last time, if there was one."""
        return asked or self._ports().get(name, 0)

    def keep_port(self, name: str, port: int) -> None:
        """Remember a port."""
        fresh = self.folder / (PORTS + ".new")
        fresh.write_text(json.dumps({**self._ports(), name: port}), encoding="utf-8")
        fresh.replace(self.folder / PORTS)

    def _ports(self) -> dict[str, int]:
        path = self.folder / PORTS
        try:
            found = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
            return {str(name): int(port) for name, port in found.items()}
        except (ValueError, AttributeError, TypeError) as error:
            raise InputError(
                str(path), None, None, "no ports that can be read; it may be deleted", f"rm {path}"
            ) from error

    def close(self) -> None:
        """Another process may have it."""
        self.assignment.close()
        self.tasks.close()
        os.close(self._lock)
