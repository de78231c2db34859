"""Attacks on the plugin manager itself, untrusted plugins in real workers: folders, broken versions, hangs, claims."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sim.errors import SimError
from sim.integration.plugins.folder import Found
from sim.integration.plugins.manifest import ManifestError
from sim.integration.plugins.runners.base import RunnerLimits
from sim.integration.plugins.runners.worker import WorkerRunner
from tests.integration.plugins.rig import Rig, write
from tests.integration.plugins.stage import nursery

TELLS = "def before_request(payload): return {{'reject': '{0}'}}"
VERSION = 'version = "{0}"\n'


@pytest.fixture
def sandboxed(tmp_path: Path) -> Iterator[Any]:
    """`sandboxed(ids..., settings...)`: a manager whose plugins are not trusted; it ends with the test."""
    made: list[Rig] = []

    def make(*ids: str, **config: Any) -> Rig:
        made.append(Rig(tmp_path, {"sandbox_plugins": True, **config}))
        rig = made[-1]
        limits = RunnerLimits(start_max_s=1.0, memory_max_bytes=64 << 20)

        def make_runner(found: Found, level: str) -> WorkerRunner:
            return WorkerRunner(rig.runtime, nursery(), rig.manager.workshop, limits, level)

        rig.manager.loader.make_runner = make_runner
        return rig.up(*ids)

    yield make
    for rig in made:
        rig.run(rig.manager.stop())
        rig.runtime.close()


def answer(rig: Rig) -> Any:
    told = rig.wait_call("before_request", request=0)
    return None if told is None else told.reject


def refused(rig: Rig, plugin_id: str) -> str:
    with pytest.raises(ManifestError) as caught:
        rig.run(rig.manager.load_plugin(plugin_id))
    return str(caught.value)


def test_isolation_is_what_an_untrusted_plugin_gets(tmp_path: Path, sandboxed: Any) -> None:
    write(
        tmp_path,
        "custom.a",
        "import os\ndef before_request(p): return {'reject': str(os.getppid())}",
        "",
        "before_request",
    )
    rig = sandboxed("custom.a", isolation="confined")
    told = answer(rig)
    assert told not in (None, str(os.getpid()), str(os.getppid()))


def test_attack_by_claiming_trust_is_refused(tmp_path: Path, sandboxed: Any) -> None:
    write(tmp_path, "custom.a", "", "trusted = true\n")
    write(tmp_path, "custom.b", "", 'isolation = "none"\nsignature = "x"\n')
    rig = sandboxed()
    assert "trusted: unknown" in refused(rig, "custom.a")
    assert "signature: unknown" in refused(rig, "custom.b")


def test_attack_by_asking_for_less_isolation_changes_nothing(tmp_path: Path, sandboxed: Any) -> None:
    code = "def before_request(p):\n    try: open('/etc/passwd')\n    except OSError: return {'reject': 'walled'}"
    write(tmp_path, "custom.a", code, 'isolation = "none"\n', "before_request")
    assert answer(sandboxed("custom.a")) == "walled"


def test_escape_by_a_link_to_a_file_or_a_folder_is_refused(tmp_path: Path, sandboxed: Any) -> None:
    (write(tmp_path, "custom.a") / "stolen.py").symlink_to("/etc/passwd")
    outside = tmp_path.parent / f"{tmp_path.name}-outside"
    write(outside, "custom.b")
    (tmp_path / "custom.b").symlink_to(outside / "custom.b")
    (write(tmp_path, "custom.c") / "more").symlink_to("/etc")
    rig = sandboxed()
    assert "leads out" in refused(rig, "custom.a")
    assert "leads out" in refused(rig, "custom.b")
    assert "leads out" in refused(rig, "custom.c")


def test_attack_by_an_archive_a_device_or_a_pipe_is_refused(tmp_path: Path, sandboxed: Any) -> None:
    with zipfile.ZipFile(write(tmp_path, "custom.a") / "more.zip", "w") as archive:
        archive.writestr("../../evil.py", "x = 1")
    os.mkfifo(write(tmp_path, "custom.b") / "more.py")
    (write(tmp_path, "custom.c") / "endless.py").symlink_to("/dev/zero")
    rig = sandboxed()
    assert "archives are not accepted" in refused(rig, "custom.a")
    assert "not a plain file" in refused(rig, "custom.b")
    assert "leads out" in refused(rig, "custom.c")


def test_attack_by_exchanging_files_after_the_check_runs_what_was_checked(tmp_path: Path, sandboxed: Any) -> None:
    folder = write(tmp_path, "custom.a", TELLS.format("checked"), "", "before_request")
    rig = sandboxed()
    (folder / "code.py").write_text(TELLS.format("exchanged"))
    rig.run(rig.manager.enable_plugin("custom.a"))
    assert answer(rig) == "checked"


BROKEN = {
    "a syntax error": "def before_request(",
    "an exit while importing": "import os; os._exit(3)",
    "SystemExit while importing": "raise SystemExit",
    "BaseException while importing": "raise BaseException('no')",
    "an endless import": "while True: pass",
    "a memory bomb while importing": "x = []\nwhile True: x.append(bytearray(1 << 20))",
    "a forged greeting": "import os; os.write(3, b'\\xff' * 8)\ndef before_request(p): return 1",
    "no hook": "x = 1",
    "a fork while importing": "import os; os.fork()",
    "a read of the host while importing": "open('/etc/passwd')",
}


@pytest.mark.parametrize("name", BROKEN)
def test_attack_by_a_broken_version_leaves_the_old_one_serving(tmp_path: Path, sandboxed: Any, name: str) -> None:
    write(tmp_path, "custom.a", TELLS.format("old"), VERSION.format("1.0"), "before_request")
    rig = sandboxed("custom.a", plugin_timeout=1.0)
    write(tmp_path, "custom.a", BROKEN[name], VERSION.format("2.0"), "before_request")
    with pytest.raises(SimError):
        rig.run(rig.manager.reload_plugin("custom.a"))
    assert answer(rig) == "old"
    assert rig.manager.get_plugin("custom.a").version == "1.0"
    assert "plugin.reload_failed" in rig.kinds("custom.a")


def test_attack_by_hanging_takes_itself_off_and_the_others_go_on(tmp_path: Path, sandboxed: Any) -> None:
    write(tmp_path, "custom.a", "def node_state_changed(p):\n    while True: pass", "", "node_state_changed")
    code = (
        "seen = []\ndef node_state_changed(p): seen.append(p)\ndef before_request(p): return {'reject': str(len(seen))}"
    )
    write(tmp_path, "custom.b", code, 'hooks = ["node_state_changed", "before_request"]\n')
    rig = sandboxed("custom.a", "custom.b", plugin_timeout=0.2, failures_max=2)
    for _ in range(5):
        rig.wait_call("node_state_changed", node="n", old="online", new="offline", reason="r")
    assert answer(rig) == "5"
    counts = rig.manager.metrics()["custom.a"]["node_state_changed"]
    assert counts["failures_count"] == 2
    assert counts["skipped_count"] == 3


def test_attack_by_an_answer_of_another_shape_is_its_own_failure(tmp_path: Path, sandboxed: Any) -> None:
    write(tmp_path, "custom.a", "def before_request(p): return {'reject': 1, 'more': [2]}", "", "before_request")
    write(tmp_path, "custom.b", TELLS.format("b"), "", "before_request")
    rig = sandboxed("custom.a", "custom.b")
    assert answer(rig) == "b"
    assert rig.manager.metrics()["custom.a"]["before_request"]["failures_count"] == 1


def test_attack_by_asking_without_a_grant_is_refused_and_told(tmp_path: Path, sandboxed: Any) -> None:
    code = """
        class Plugin:
            def __init__(self, context): self.context = context
            async def before_request(self, payload):
                try:
                    await self.context.call("http.fetch", url="https://evil.example.com/")
                except PermissionError as error:
                    return {"reject": str(error)}
    """
    write(tmp_path, "custom.a", code, 'permissions = ["http.fetch:evil.example.com"]\n', "before_request")
    rig = sandboxed("custom.a")
    assert answer(rig) == "http.fetch:evil.example.com:443 is asked for and not granted"
    assert rig.reasons("plugin.refused")[-1] == "http.fetch:evil.example.com:443 is asked for and not granted"


def test_isolation_between_two_plugins_of_one_host(tmp_path: Path, sandboxed: Any) -> None:
    write(tmp_path, "custom.a", "import builtins\nbuiltins.shared = 'a'\ndef startup(p): pass")
    code = "import builtins\ndef before_request(p): return {'reject': str(getattr(builtins, 'shared', 'nothing'))}"
    write(tmp_path, "custom.b", code, "", "before_request")
    assert answer(sandboxed("custom.a", "custom.b")) == "nothing"
