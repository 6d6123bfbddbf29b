"""A disk that forgets, as POSIX allows: what was not forced to it may be there or not when the power comes back.

`Recorder` writes down every change that a program makes below a folder. `survivors` replays the first so many of them
as they might be found after a power cut: names that were created, renamed or removed since the last fsync of their
folder are kept or lost each for itself, in any combination; a file's content since its last fsync is old, cut short,
zeros, or new.
"""

import os
import random
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass
class Node:
    """A file or a folder, whatever its name is at the moment."""

    number: int
    is_folder: bool
    entries: dict[str, "Node"] = field(default_factory=dict)


@dataclass(frozen=True)
class Op:
    """One change: "link" and "unlink" of a name in a folder, "move", "data" of a file, "sync" of either."""

    kind: str
    node: Node
    name: str = ""
    target: Node | None = None
    """What is linked; or the folder it moves to."""
    new_name: str = ""
    moved: Node | None = None
    data: bytes = b""


class Recorder:
    """Told of every call by `tapped`; keeps a model of the folder and the list of changes."""

    def __init__(self, root: Path) -> None:
        """What is in the folder now is on the disk for good."""
        self.root = root
        self.nodes = 0
        self.ops: list[Op] = []
        self.first: dict[int, bytes] = {}
        self.top = self._read(root)
        self.base = copy_tree(self.top)

    def __call__(self, when: str, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Write one call down, once it has happened; an unlink is looked up before."""
        if when == "before" or name in ("put", "open", "write", "pwrite", "ftruncate"):
            return
        getattr(self, f"_{name}")(*args, **kwargs)

    def _create(self, path: Any) -> None:
        place = self._place(path)
        if place and place[1] not in place[0].entries:
            self._link(place, Node(self._next(), False))

    def _close(self, path: Any) -> None:
        place = self._place(path)
        if place:
            node = place[0].entries[place[1]]
            self.ops.append(Op("data", node, data=Path(path).read_bytes()))

    def _mkdir(self, path: Any, *args: Any, **kwargs: Any) -> None:
        place = self._place(path)
        if place:
            self._link(place, Node(self._next(), True))

    def _rename(self, old: Any, new: Any) -> None:
        a, b = self._place(old), self._place(new)
        if a and b:
            moved = b[0].entries[b[1]] = a[0].entries.pop(a[1])
            self.ops.append(Op("move", a[0], a[1], b[0], b[1], moved))

    _replace = _rename

    def _unlink(self, path: Any, *, dir_fd: int | None = None) -> None:
        place = self._place(path, dir_fd)
        if place:
            del place[0].entries[place[1]]
            self.ops.append(Op("unlink", *place))

    _remove = _rmdir = _unlink

    def _fsync(self, descriptor: int) -> None:
        place = self._place(os.readlink(f"/proc/self/fd/{descriptor}"))
        if place:
            folder, name = place
            self.ops.append(Op("sync", folder.entries[name] if name else folder))

    def _place(self, path: Any, dir_fd: int | None = None) -> tuple[Node, str] | None:
        """Folder and name; None outside the root."""
        if dir_fd is not None:
            path = os.path.join(os.readlink(f"/proc/self/fd/{dir_fd}"), path)
        path = Path(os.path.abspath(path))
        if not path.is_relative_to(self.root):
            return None
        *folders, name = path.relative_to(self.root).parts or ("",)
        node = self.top
        for folder in folders:
            node = node.entries[folder]
        return node, name

    def _link(self, place: tuple[Node, str], node: Node) -> None:
        place[0].entries[place[1]] = node
        self.ops.append(Op("link", place[0], place[1], node))

    def _next(self) -> int:
        self.nodes += 1
        return self.nodes

    def _read(self, path: Path) -> Node:
        node = Node(self._next(), path.is_dir())
        if path.is_dir():
            node.entries = {child.name: self._read(child) for child in path.iterdir()}
        else:
            self.first[node.number] = path.read_bytes()
        return node


def copy_tree(node: Node) -> Node:
    """The folders as they are now."""
    return Node(node.number, node.is_folder, {name: copy_tree(child) for name, child in node.entries.items()})


def survivors(recorder: Recorder, until: int, chance: random.Random, target: Path) -> None:
    """Write into `target` what a power cut after `until` changes may leave."""
    past = recorder.ops[:until]
    synced: dict[int, int] = {}
    for index, op in enumerate(past):
        if op.kind == "sync":
            synced[op.node.number] = index
    folders = _folders(recorder.base)
    content = dict(recorder.first)
    for index, op in enumerate(past):
        if op.kind == "data":
            old = content.get(op.node.number, b"")
            content[op.node.number] = op.data if synced.get(op.node.number, -1) > index else _torn(old, op.data, chance)
        elif op.kind != "sync" and (synced.get(op.node.number, -1) > index or chance.random() < 0.5):
            _apply(op, folders)
    _write(folders, recorder.base.number, content, target)


def _torn(old: bytes, new: bytes, chance: random.Random) -> bytes:
    return chance.choice([old, new[: chance.randrange(len(new) + 1)], bytes(len(new)), new])


def _folders(node: Node) -> dict[int, dict[str, Node]]:
    found = {node.number: dict(node.entries)} if node.is_folder else {}
    for child in node.entries.values():
        found |= _folders(child)
    return found


def _apply(op: Op, folders: dict[int, dict[str, Node]]) -> None:
    entries = folders.setdefault(op.node.number, {})
    if op.kind == "link" and op.target is not None:
        entries[op.name] = op.target
    elif op.kind == "unlink":
        entries.pop(op.name, None)
    elif op.target is not None and op.moved is not None:  # even where the old name never reached the disk
        entries.pop(op.name, None)
        folders.setdefault(op.target.number, {})[op.new_name] = op.moved


def _write(folders: dict[int, dict[str, Node]], number: int, content: dict[int, bytes], target: Path) -> None:
    target.mkdir()
    for name, node in folders.get(number, {}).items():
        if node.is_folder:
            _write(folders, node.number, content, target / name)
        else:
            (target / name).write_bytes(content.get(node.number, b""))
