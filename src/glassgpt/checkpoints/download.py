"""To come: downloads."""

from collections.abc import Callable
from pathlib import Path

Progress = Callable[[str, int, int], None]


def is_offline() -> bool:
    """To come."""
    return True


def downloaded(repo: str) -> Path | None:
    """To come."""
    return None


def fetch(repo: str, name: str, *, offline: bool, progress: Progress | None) -> Path:
    """To come."""
    raise NotImplementedError
