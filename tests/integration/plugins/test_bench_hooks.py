"""What a hook call of five plugins in this process costs; the target of the source's issue is 10 us."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.integration.plugins.rig import Rig, write


def test_a_call_of_five_plugins_in_this_process(tmp_path: Path, benchmark: Any) -> None:
    for number in range(5):
        write(tmp_path, f"custom.p{number}", "def before_request(p): pass", hooks="before_request")
    rig = Rig(tmp_path).up(*(f"custom.p{number}" for number in range(5)))
    payload = {"request": 1, "type": "agent", "key": 3, "priority": 0, "prompt_tokens": 10, "output_tokens": 10}
    benchmark(rig.manager.hooks.call_now, "before_request", payload)
    assert rig.manager.metrics()["custom.p4"]["before_request"]["calls_count"] == rig.manager.hooks.calls_count
