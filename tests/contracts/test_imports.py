"""Importing is cheap, quiet and free of cycles."""

import ast
import graphlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.contracts.tree import SOURCE, dotted, modules

HEAVY = {"torch", "numpy", "tyro", "rich", "safetensors", "transformers", "fastokens"}
WATCH = """
import json, sys
touched = []
def watch(event, args):
    if event == "open":
        path, mode = str(args[0]), args[1]
        if (mode and set(mode) & set("wax+")) or not path.endswith((".py", ".pyc", ".so", ".pth", ".zip")):
            touched.append(path)
    elif event.startswith(("socket.", "subprocess.", "os.system")):
        touched.append(event)
import importlib, json.decoder, encodings.utf_8
sys.addaudithook(watch)
importlib.import_module(sys.argv[1])
touched = list(touched)
print(json.dumps([touched, sorted(sys.modules)]))
"""


def start(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=True, timeout=120)


def watched_import(name: str) -> tuple[list[str], set[str]]:
    """Import in a fresh interpreter that writes no byte code: (files and sockets touched, modules loaded)."""
    done = start("-B", "-c", WATCH, name)
    assert done.stderr == ""
    touched, loaded = json.loads(done.stdout)
    return touched, set(loaded)


def imported(tree: ast.AST, known: set[str]) -> set[str]:
    """Known modules that a module imports anywhere, but for what only the type checker sees."""
    found: set[str] = set()
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            paths = [f"{node.module}.{alias.name}" for alias in node.names]
            found |= {path if path in known else node.module for path in paths}
        else:
            found |= imported(node, known)
    return found & known


def test_no_import_cycle():
    names = {dotted(path): path.read_text(encoding="utf-8") for path in modules()}
    uses = {name: imported(ast.parse(text), set(names)) - {name} for name, text in names.items()}
    graphlib.TopologicalSorter(uses).prepare()  # raises CycleError, which names the cycle


def test_importing_glassgpt_touches_nothing_and_loads_nothing_heavy():
    touched, loaded = watched_import("glassgpt")
    assert touched == []
    assert loaded & HEAVY == set()


@pytest.mark.parametrize("name", ["glassgpt.tokens", "glassgpt.cli.main"])
def test_text_and_command_line_load_no_torch(name):
    touched, loaded = watched_import(name)
    assert touched == []
    assert "torch" not in loaded


def test_importing_the_model_opens_nothing_of_ours():
    touched, _ = watched_import("glassgpt.model")
    assert [path for path in touched if Path(path).is_relative_to(SOURCE)] == []
