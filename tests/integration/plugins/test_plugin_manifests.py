"""Manifests and folders: every fault with its place at once, links and archives refused, one bad plugin stops none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sim.errors import ConfigError
from sim.integration.plugins import discovery
from sim.integration.plugins import manifest as manifests
from sim.integration.plugins.discovery import load_order, scan
from sim.integration.plugins.folder import FILES_MAX, read_folder
from sim.integration.plugins.manifest import ManifestError
from sim.integration.plugins.protocol import PluginRefused
from sim.integration.plugins.settings import SettingSpec, typed
from tests.integration.plugins.rig import Rig, write

BAD = b"""
id = "NotAnId"
version = "one"
module = "a/b"
hooks = ["startup", "on_fire"]
type = "magic"
host = "=>3"
permissions = ["disk.write", "metrics.read"]
provides = ["kernel:x"]
colour = "red"
requires = { "custom.other" = "~~1", "bad id" = ">=1" }
[order.shutdown]
priority = 1
[order.startup]
priority = "high"
behind = []
[settings.a]
kind = "blob"
[settings.b]
kind = "number"
default = "x"
[settings.c]
kind = "number"
step = 2
[files]
"code.py" = "123"
[latency]
law = "pareto"
"""


def test_every_fault_of_a_manifest_is_told_at_once_with_its_place() -> None:
    _, faults = manifests.read(BAD)
    places = {fault.place for fault in faults}
    assert places == {
        "id", "version", "module", "hooks", "type", "host", "permissions", "provides", "colour",
        "requires.custom.other", "requires/order", "order.shutdown", "order.startup.priority",
        "order.startup.behind", "settings.a", "settings.b", "settings.c.step",
        "files.code.py", "latency",
    }  # fmt: skip
    assert sum(fault.place == "permissions" for fault in faults) == 1, "metrics.read is a permission"


@pytest.mark.parametrize("data", [b"id = ", b"\xff\xfe", b"x" * (manifests.BYTES_MAX + 1), b"a = [" * 2000])
def test_what_is_no_toml_is_one_fault(data: bytes) -> None:
    manifest, faults = manifests.read(data)
    assert manifest is None
    assert len(faults) == 1


def test_missing_keys_are_all_named() -> None:
    _, faults = manifests.read(b"summary = 'x'")
    assert [fault.place for fault in faults if fault.problem == "missing"] == ["id", "version", "module"]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("id='api_integration.x'", "api"),
        ("id='analytics.x'", "analytics"),
        ("id='security.x'", "security"),
        ("id='custom.x'", "custom"),
        ("id='acme.x'\npermissions=['http.fetch:a.example']", "api"),
        ("id='acme.x'\nhooks=['before_request']", "security"),
        ("id='acme.x'\nhooks=['metrics_collected']", "analytics"),
        ("id='acme.x'\nhooks=['startup']", "custom"),
        ("id='acme.x'\ntype='security'\nhooks=['startup']", "security"),
    ],
)
def test_the_type_is_told_or_detected(text: str, kind: str) -> None:
    manifest, _ = manifests.read(f"version='1'\nmodule='m'\n{text}".encode())
    assert manifest is not None
    assert manifests.detect_type(manifest) == kind


def test_a_type_against_the_id_and_a_host_out_of_range_are_faults() -> None:
    _, faults = manifests.read(b"id='custom.x'\ntype='api'\nversion='1'\nmodule='m'\nhooks=['startup']\nhost='>=99'")
    assert {fault.place for fault in faults} == {"type", "host"}


def test_the_schema_is_json_schema_of_all_keys() -> None:
    told = manifests.schema()
    assert set(told["$defs"]["Manifest"]["properties"]) >= {"id", "hooks", "settings", "latency", "files"}
    assert told["$defs"]["Manifest"]["additionalProperties"] is False


def test_a_folder_is_read_inside_its_root_only(tmp_path: Path) -> None:
    root, outside = tmp_path / "plugins", tmp_path / "outside"
    write(outside, "custom.out")
    inside = write(root, "custom.inside")
    (root / "custom.out").symlink_to(outside / "custom.out")
    (inside / "secret.py").symlink_to("/etc/hostname")
    (inside / "deep").symlink_to(outside)
    (inside / "evil.whl").write_bytes(b"PK")
    (root / "custom.packed.zip").write_bytes(b"PK")
    found = scan([root])
    assert [str(fault) for fault in found["custom.out"].faults] == ["custom.out: leads out of the plugins' folder"]
    problems = {fault.place: fault.problem for fault in found["custom.inside"].faults}
    assert problems["secret.py"] == problems["deep"] == "a link that leads out of the folder"
    assert problems["evil.whl"] == "archives are not accepted"
    assert [fault.problem for fault in found["custom.packed.zip"].faults] == ["archives are not accepted"]


def test_the_bounds_of_a_folder_are_reached(tmp_path: Path) -> None:
    folder = write(tmp_path, "custom.many")
    for number in range(FILES_MAX + 1):
        (folder / f"f{number:04}.txt").write_text("x")
    assert f"more than {FILES_MAX} files" in str(read_folder(folder, tmp_path).faults)
    big = write(tmp_path, "custom.big")
    (big / "data.bin").write_bytes(bytes(5 << 20))
    assert "bytes in all" in str(read_folder(big, tmp_path).faults)


def test_hashes_of_files_are_held_against_the_manifest(tmp_path: Path) -> None:
    digest = "0" * 64
    write(
        tmp_path, "custom.hashed", manifest=f'[files]\n"code.py" = "{digest}"\n"gone.py" = "{digest}"\n', extra__py=""
    )
    places = {fault.place: fault.problem for fault in scan([tmp_path])["custom.hashed"].faults}
    assert places == {
        "files.code.py": "its hash is another", "files.gone.py": "named, but not there",
        "files.extra.py": "there, but not named",
    }  # fmt: skip


def test_a_bad_plugin_stops_no_other(tmp_path: Path) -> None:
    write(tmp_path, "custom.good")
    write(tmp_path, "custom.bad", manifest='colour = "red"\nhooks = ["startup"]')
    write(tmp_path, "custom.broken", code="syntax error here")
    rig = Rig(tmp_path).up("custom.good")
    with pytest.raises(ManifestError, match="colour"):
        rig.run(rig.manager.load_plugin("custom.bad"))
    with pytest.raises(Exception, match="SyntaxError"):
        rig.run(rig.manager.load_plugin("custom.broken"))
    states = {info.plugin_id: info.state.value for info in rig.manager.list_plugins()}
    assert states == {"custom.bad": "refused", "custom.broken": "discovered", "custom.good": "enabled"}


def test_needs_are_sorted_and_what_cannot_be_met_is_told(tmp_path: Path) -> None:
    write(tmp_path, "custom.a", manifest='requires = { "custom.b" = ">=1,<2" }')
    write(tmp_path, "custom.b")
    write(tmp_path, "custom.c", manifest='requires = { "custom.b" = ">=2" }')
    write(tmp_path, "custom.d", manifest='requires = { "custom.c" = "" }')
    write(tmp_path, "custom.e", manifest='requires = { "custom.f" = "" }')
    write(tmp_path, "custom.f", manifest='requires = { "custom.e" = "" }')
    order, refused = load_order(scan([tmp_path]))
    assert order == ["custom.b", "custom.a"]
    assert refused["custom.c"] == "requires custom.b >=2, there is 1.0.0"
    assert refused["custom.d"] == "requires custom.c, which is not there"
    assert "cycle" in refused["custom.e"]
    assert "cycle" in refused["custom.f"]


def test_what_is_neither_pinned_nor_signed_is_refused_where_keys_are_named(tmp_path: Path) -> None:
    key, other = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    public = key.public_key().public_bytes_raw().hex()
    folder = write(tmp_path, "custom.signed")
    made: list[str] = []

    def make_runner(found: Any, level: str) -> Any:
        made.append(level)
        raise PluginRefused(found.plugin_id, "start", "test", "reached the runner")

    def why(signer: Ed25519PrivateKey | None) -> str:
        (folder / "manifest.sig").unlink(missing_ok=True)
        if signer is not None:
            digest = read_folder(folder, tmp_path).content_hash
            (folder / "manifest.sig").write_text(signer.sign(digest.encode()).hex())
        rig = Rig(tmp_path, {"sandbox_plugins": True, "signers": [public]}, make_runner=make_runner)
        with pytest.raises(PluginRefused) as caught:
            rig.up("custom.signed")
        return caught.value.why

    assert [why(None), why(other), why(key)] == ["signature", "signature", "test"]
    assert made == ["confined"]


@pytest.mark.parametrize(
    ("spec", "value", "accepted"),
    [
        (SettingSpec("number", 1.0, 0.0, 2.0), 3, "a number from 0 to 2"),
        (SettingSpec("integer", 1), True, "a whole number"),
        (SettingSpec("integer", 1), 10**400, "a whole number"),  # found by fuzz: isfinite raised OverflowError
        (SettingSpec("flag", True), 1, "true or false"),
        (SettingSpec("text", "a", choices=["a", "b"]), "c", "one of a, b"),
        (SettingSpec("texts", []), [1], "texts"),
    ],
)
def test_settings_are_typed_by_the_manifest(spec: SettingSpec, value: Any, accepted: str) -> None:
    assert typed({"x": spec}, {}, "k") == {"x": spec.default}
    with pytest.raises(ConfigError) as caught:
        typed({"x": spec}, {"x": value}, "plugins.settings.custom.test")
    assert (caught.value.key, caught.value.accepted) == ("plugins.settings.custom.test.x", accepted)


def test_two_plugins_of_one_id_are_a_fault_of_the_second(tmp_path: Path) -> None:
    write(tmp_path / "one", "custom.twin")
    write(tmp_path / "two", "custom.twin")
    found = scan([tmp_path / "one", tmp_path / "two"])
    assert found["custom.twin"].faults == ()
    assert any("stands in" in str(one.faults) for name, one in found.items() if name != "custom.twin")


def test_a_scan_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(discovery, "SCANNED_MAX", 3)
    for number in range(5):
        write(tmp_path, f"custom.p{number}")
    assert list(scan([tmp_path, tmp_path])) == ["custom.p0", "custom.p1", "custom.p2"]
