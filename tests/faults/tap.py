"""A hook on every call by which a program changes files: before and after each, a function is told.

Python's own file objects write in C, out of reach; a file opened for writing is wrapped, and its `write` told too.
"""

import builtins
import io
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

CALLS = ("mkdir", "rmdir", "rename", "replace", "unlink", "remove", "fsync", "ftruncate", "write", "pwrite", "open")
Told = Callable[[str, str, tuple[Any, ...], dict[str, Any]], None]
"""Told "before" or "after", the call's name and its arguments."""


@contextmanager
def tapped(told: Told) -> Iterator[None]:
    """Tell of every change to files inside this block."""
    real = {name: getattr(os, name) for name in CALLS}
    real_open = builtins.open

    def tap(name: str) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            told("before", name, args, kwargs)
            result = real[name](*args, **kwargs)
            told("after", name, args, kwargs)
            return result

        return call

    def open_file(file: Any, mode: str = "r", *args: Any, **kwargs: Any) -> Any:
        if not set(mode) & set("wax+"):
            return real_open(file, mode, *args, **kwargs)
        told("before", "create", (file,), {})
        handle = real_open(file, mode, *args, **kwargs)
        told("after", "create", (file,), {})
        return Written(handle, str(file), told)

    for name in CALLS:
        setattr(os, name, tap(name))
    builtins.open = io.open = open_file  # type: ignore
    try:
        yield
    finally:
        for name, function in real.items():
            setattr(os, name, function)
        builtins.open = io.open = real_open  # type: ignore


class Written:
    """A file opened for writing, whose writes are told."""

    def __init__(self, handle: Any, path: str, told: Told) -> None:
        self._handle, self._path, self._told = handle, path, told

    def write(self, data: Any) -> int:
        self._told("before", "put", (self._path,), {})
        count = self._handle.write(data)
        self._handle.flush()
        self._told("after", "put", (self._path,), {})
        return count

    def close(self) -> None:
        if not self._handle.closed:
            self._handle.close()
            self._told("after", "close", (self._path,), {})

    def __enter__(self) -> "Written":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._handle, name)
