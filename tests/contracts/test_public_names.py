"""What the package offers is what it says it offers."""

import ast
import importlib
import subprocess
import sys

import pytest

from tests.contracts.tree import SOURCE, dotted, modules

FOLDERS = sorted(dotted(path) for path in modules() if path.name == "__init__.py" and path.parent != SOURCE)


@pytest.mark.parametrize("name", ["glassgpt", *FOLDERS])
def test_every_offered_name_exists(name):
    package = importlib.import_module(name)
    offered = package.__all__
    assert len(offered) == len(set(offered))
    assert [each for each in offered if not hasattr(package, each)] == []


def test_what_is_visible_is_what_is_offered():
    show = "import glassgpt; print([n for n in dir(glassgpt) if not n.startswith('_')], glassgpt.__all__, sep='\\n')"
    done = subprocess.run([sys.executable, "-c", show], capture_output=True, text=True, check=True, timeout=60)
    visible, offered = (sorted(names) for names in map(ast.literal_eval, done.stdout.splitlines()))
    assert visible == [name for name in offered if not name.startswith("_")]


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no_such_name"):
        importlib.import_module("glassgpt").__getattr__("no_such_name")
