"""What a finished folder holds: size and SHA-256 of every file, so that damage is found and named."""

import hashlib
from pathlib import Path

from glassgpt.checkpoints.json_file import read_json, write_json
from glassgpt.errors import CheckpointError

MANIFEST = "manifest.json"
SCHEMA = 1
_LIMIT = 16 << 20


def write_manifest(folder: Path | str) -> None:
    """Describe every file below `folder` in its `manifest.json`; call it last."""
    folder = Path(folder)
    files = {name: _describe(folder / name) for name in _names(folder)}
    write_json(folder / MANIFEST, {"schema": SCHEMA, "files": files})


def verify_manifest(folder: Path | str) -> None:
    """Return if `folder` holds exactly what its manifest says; otherwise name the file that differs."""
    folder = Path(folder)
    manifest = read_json(folder / MANIFEST, _LIMIT)
    if manifest.get("schema") != SCHEMA:
        raise CheckpointError(f"{folder / MANIFEST}: schema {manifest.get('schema')!r} is unknown; expected {SCHEMA}.")
    files = manifest.get("files")
    if not isinstance(files, dict):
        raise CheckpointError(f"{folder / MANIFEST} lists no files.")
    present = _names(folder)
    if missing := sorted(files.keys() - set(present)):
        raise CheckpointError(f"{folder / missing[0]} is missing, but the manifest lists it.")
    if extra := sorted(set(present) - files.keys()):
        raise CheckpointError(f"{folder / extra[0]} is not in the manifest.")
    for name in present:
        _verify(folder / name, files[name])


def sha256(path: Path) -> str:
    """The hash of a file's content, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _verify(path: Path, expected: object) -> None:
    if not isinstance(expected, dict):
        raise CheckpointError(f"The manifest's entry for {path} is not an object.")
    if path.stat().st_size != expected.get("size"):  # cheap, and finds every truncation
        raise CheckpointError(f"{path} has {path.stat().st_size} bytes; the manifest says {expected.get('size')!r}.")
    if sha256(path) != expected.get("sha256"):
        raise CheckpointError(f"{path} is damaged: its SHA-256 is not the one in the manifest.")


def _describe(path: Path) -> dict[str, object]:
    return {"size": path.stat().st_size, "sha256": sha256(path)}


def _names(folder: Path) -> list[str]:
    paths = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return sorted(name for name in paths if name != MANIFEST)
