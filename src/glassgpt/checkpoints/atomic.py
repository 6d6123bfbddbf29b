"""A folder that appears whole or not at all, whatever kills the process in between.

Files are written into a temporary sibling (`.tmp-NAME-PID`), forced to disk, and one rename makes them visible.
A crash leaves only `.tmp-*`, `.old-*` and `.del-*` folders, which `sweep` clears away.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from glassgpt.errors import CheckpointError

BEING_WRITTEN, BEING_REPLACED, BEING_REMOVED = ".tmp-", ".old-", ".del-"


@contextmanager
def new_folder(target: Path | str, *, replace: bool = False) -> Iterator[Path]:
    """Yield an empty temporary folder; on success it becomes `target`, on an exception it vanishes.

    An existing `target` is refused, unless `replace` is set or it is an empty folder.
    """
    target = Path(os.path.abspath(target))
    _refuse_existing(target, replace)
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = _free_sibling(target, BEING_WRITTEN)
    temporary.mkdir()
    try:
        yield temporary
        flush_tree(temporary)
        _refuse_existing(target, replace)  # it may have appeared while we wrote
        _swap_in(temporary, target)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


@contextmanager
def new_file(target: Path | str) -> Iterator[Path]:
    """Yield a temporary path to write to; on success it becomes `target`, replacing what was there."""
    target = Path(os.path.abspath(target))
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = _free_sibling(target, BEING_WRITTEN)
    try:
        yield temporary
        flush(temporary)
        temporary.replace(target)
        flush(target.parent)
    except BaseException as error:
        with suppress(OSError):  # of a disk that takes nothing any more, which `error` tells
            temporary.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.filename is None:
            error.filename = str(target)
        raise


def discard(folder: Path | str) -> None:
    """Remove a folder so that it is never seen half removed."""
    folder = Path(os.path.abspath(folder))
    doomed = _free_sibling(folder, BEING_REMOVED)
    folder.rename(doomed)
    flush(folder.parent)
    shutil.rmtree(doomed)


def sweep(parent: Path | str) -> None:
    """Clear away what crashes left in `parent`; bring back a folder whose replacement never arrived.

    Call it only while nobody else writes there.
    """
    for path in sorted(Path(parent).iterdir()):
        if path.name.startswith(BEING_REPLACED):
            original = path.with_name(path.name.removeprefix(BEING_REPLACED).rpartition("-")[0])
            if not original.exists():
                path.rename(original)
                continue
        if path.name.startswith((BEING_WRITTEN, BEING_REPLACED, BEING_REMOVED)):
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def flush_tree(folder: Path) -> None:
    """Force every file and folder below `folder` to disk, children first."""
    for path, _, files in os.walk(folder, topdown=False):
        for name in files:
            flush(Path(path, name))
        flush(Path(path))


def _swap_in(temporary: Path, target: Path) -> None:
    if not target.exists():
        temporary.rename(target)
        flush(target.parent)
        return
    old = _free_sibling(target, BEING_REPLACED)
    target.rename(old)
    temporary.rename(target)
    flush(target.parent)
    shutil.rmtree(old)


def _refuse_existing(target: Path, replace: bool) -> None:
    if target.is_dir():
        if not replace and any(target.iterdir()):
            raise CheckpointError(f"{target} exists already. Choose another folder, or ask to replace it.")
    elif target.exists() or target.is_symlink():
        raise CheckpointError(f"{target} is not a folder. Choose another name.")


def _free_sibling(target: Path, prefix: str) -> Path:
    path = target.with_name(f"{prefix}{target.name}-{os.getpid()}")
    if path.is_dir():
        shutil.rmtree(path)  # a former process with our id died here
    return path


def flush(path: Path) -> None:
    """Force one file, or the list of names in one folder, to disk."""
    if path.is_dir() and os.name == "nt":
        return  # Windows has no handle to flush a folder with
    # A file needs a writable handle on Windows; a folder cannot have one.
    descriptor = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(descriptor)
    except OSError as error:
        error.filename = str(path)
        raise
    finally:
        os.close(descriptor)
