"""A plugin's folder read once: every file's bytes and hash, links resolved, nothing from outside, no archives.

What was read is what runs (runners import from these bytes), so that no file can change between check and import.
`content_hash` is SHA-256 over the sorted lines "hash  name"; it is what an operator pins and what a signature signs
(Ed25519, in `manifest.sig` as 128 hex digits; the signature itself is left out of the hash).
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from sim.integration.plugins import manifest as manifests
from sim.integration.plugins.manifest import Fault, Manifest

SIGNATURE = "manifest.sig"
FILES_MAX = 200
TOTAL_MAX_BYTES = 4 << 20
DEPTH_MAX = 4
ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".zst", ".7z", ".whl", ".egg", ".pyz", ".rar")
CACHES = ("__pycache__",)


@dataclass(frozen=True, slots=True)
class Found:
    """One folder as it was read; with `faults` it cannot be loaded. `plugin_id` is the folder's name until known."""

    plugin_id: str
    folder: str
    manifest: Manifest | None
    files: dict[str, bytes]
    content_hash: str
    signature: bytes
    faults: tuple[Fault, ...]

    @property
    def kind(self) -> str:
        """One of the four types; empty when there is no manifest."""
        return "" if self.manifest is None else manifests.detect_type(self.manifest)

    def signed_by(self, keys: Iterable[str]) -> str:
        """The public key (64 hex digits) of `keys` that signed the content hash; empty: none of them."""
        for key in keys:
            try:
                Ed25519PublicKey.from_public_bytes(bytes.fromhex(key)).verify(
                    self.signature, self.content_hash.encode()
                )
            except (InvalidSignature, ValueError):
                continue
            return key
        return ""


def content_hash(files: dict[str, bytes]) -> str:
    """SHA-256 over names and hashes of all files."""
    lines = [f"{hashlib.sha256(files[name]).hexdigest()}  {name}\n" for name in sorted(files)]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def read_folder(folder: Path, root: Path) -> Found:
    """What stands in a plugin's folder, which must lie inside `root` once links are resolved."""
    faults: list[Fault] = []
    inside = Path(os.path.realpath(root))
    real = Path(os.path.realpath(folder))
    if real.parent != inside:
        faults.append(Fault(folder.name, "leads out of the plugins' folder"))
        return Found(folder.name, str(folder), None, {}, "", b"", tuple(faults))
    files = _read_files(real, faults)
    signature = _hex(files.pop(SIGNATURE, b""))
    data = files.get(manifests.NAME)
    if data is None:
        faults.append(Fault(manifests.NAME, "missing"))
        return Found(folder.name, str(folder), None, files, content_hash(files), signature, tuple(faults))
    manifest, problems = manifests.read(data)
    faults += problems
    if manifest is not None:
        faults += _against_files(manifest, files, folder.name)
    plugin_id = manifest.id if manifest is not None and manifests.ID.fullmatch(manifest.id) else folder.name
    return Found(plugin_id, str(folder), manifest, files, content_hash(files), signature, tuple(faults))


def _read_files(top: Path, faults: list[Fault]) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    left = TOTAL_MAX_BYTES
    for here, folders, names in os.walk(top):
        folders[:] = sorted(name for name in folders if name not in CACHES)
        depth = len(Path(here).relative_to(top).parts)
        if depth >= DEPTH_MAX and folders:
            faults.append(Fault(str(Path(here).relative_to(top)), f"folders more than {DEPTH_MAX} deep"))
            folders.clear()
        links = [name for name in folders if (Path(here) / name).is_symlink()]
        for name in sorted(names) + links:
            path = Path(here) / name
            told = path.relative_to(top).as_posix()
            if len(files) >= FILES_MAX:
                faults.append(Fault(told, f"more than {FILES_MAX} files"))
                return files
            data = _read_file(path, top, told, left, faults)
            if data is not None:
                files[told], left = data, left - len(data)
    return files


def _read_file(path: Path, top: Path, told: str, left: int, faults: list[Fault]) -> bytes | None:
    if path.suffix.lower() in ARCHIVES:
        faults.append(Fault(told, "archives are not accepted"))
        return None
    real = Path(os.path.realpath(path))
    if not real.is_relative_to(top):
        faults.append(Fault(told, "a link that leads out of the folder"))
        return None
    try:
        descriptor = os.open(real, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                faults.append(Fault(told, "not a plain file"))
                return None
            with open(descriptor, "rb", closefd=False) as file:
                data = file.read(left + 1)
        finally:
            os.close(descriptor)
    except OSError as error:
        faults.append(Fault(told, f"cannot be read: {error.strerror}"))
        return None
    if len(data) > left:
        faults.append(Fault(told, f"more than {TOTAL_MAX_BYTES} bytes in all"))
        return None
    return data


def _against_files(manifest: Manifest, files: dict[str, bytes], folder: str) -> list[Fault]:
    faults = []
    if manifests.ID.fullmatch(manifest.id) and manifest.id != folder:
        faults.append(Fault("id", f"{manifest.id}, but the folder is {folder}"))
    code = f"{manifest.module}.{'wasm' if manifest.runner == 'wasm' else 'py'}"
    if manifests.MODULE.fullmatch(manifest.module) and code not in files:
        faults.append(Fault("module", f"there is no {code}"))
    if not manifest.files:
        return faults
    for name in sorted({*manifest.files, *files} - {manifests.NAME}):
        if name not in files:
            faults.append(Fault(f"files.{name}", "named, but not there"))
        elif name not in manifest.files:
            faults.append(Fault(f"files.{name}", "there, but not named"))
        elif hashlib.sha256(files[name]).hexdigest() != manifest.files[name]:
            faults.append(Fault(f"files.{name}", "its hash is another"))
    return faults


def _hex(data: bytes) -> bytes:
    try:
        return bytes.fromhex(data.decode().strip())
    except ValueError:
        return b""
