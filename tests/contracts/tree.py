"""What the repository consists of: its tracked files, and its Python modules with their functions."""

import ast
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src" / "glassgpt"
TEXT = {".py", ".md", ".toml", ".txt", ".json", ".yml", ".cfg", ".sh", ""}


@cache
def tracked() -> tuple[Path, ...]:
    """Every file that git knows or would add; without git, every file outside hidden folders."""
    ask = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    try:
        answer = subprocess.run(ask, cwd=ROOT, capture_output=True, check=True, text=True).stdout
        found = [ROOT / name for name in answer.split("\0") if name]
    except (OSError, subprocess.CalledProcessError):
        found = [p for p in ROOT.rglob("*") if not any(part.startswith(".") for part in p.relative_to(ROOT).parts)]
    return tuple(sorted(path for path in found if path.is_file()))


def tracked_text() -> list[Path]:
    """Tracked files that people write and read."""
    return [path for path in tracked() if path.suffix in TEXT]


def modules() -> list[Path]:
    """Every module of the package."""
    return sorted(SOURCE.rglob("*.py"))


def dotted(path: Path) -> str:
    """The name a module is imported by."""
    parts = path.relative_to(SOURCE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def functions(path: Path) -> Iterator[tuple[str, int]]:
    """Name and number of lines of each function, decorators not counted."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno is not None
            yield f"{short(path)}:{node.lineno} {node.name}", node.end_lineno - node.lineno + 1


def short(path: Path) -> str:
    """A path as the reader of a failure wants it."""
    return path.relative_to(ROOT).as_posix()
