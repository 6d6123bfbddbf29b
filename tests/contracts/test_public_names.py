"""What the package offers is what it says it offers."""

import ast
import importlib
import subprocess
import sys
from types import ModuleType

import pytest

from tests.contracts.tree import SOURCE, dotted, modules

FOLDERS = sorted(dotted(path) for path in modules() if path.name == "__init__.py" and path.parent != SOURCE)
SHOW = "import glassgpt; print([name for name in dir(glassgpt) if name[0] != '_'], glassgpt.__all__, sep='\\n')"


@pytest.mark.parametrize("name", FOLDERS)
def test_a_folder_offers_exactly_what_it_names(name):
    package = importlib.import_module(name)
    offered = getattr(package, "__all__", [])
    assert [name for name in offered if not hasattr(package, name)] == []  # those that come on first use are here now
    visible = {key for key, value in vars(package).items() if key[0] != "_" and not isinstance(value, ModuleType)}
    assert sorted(visible) == sorted(offered)


def test_what_is_visible_is_what_is_offered():
    done = subprocess.run([sys.executable, "-c", SHOW], capture_output=True, text=True, check=True, timeout=60)
    visible, offered = (set(ast.literal_eval(line)) for line in done.stdout.splitlines())
    assert visible == {name for name in offered if name[0] != "_"}
    assert {"load", "LanguageModel", "Tokenizer", "SamplingParams", "GPT2", "GPT2Config", "SIZES"} <= offered


def test_every_offered_name_exists():
    package = importlib.import_module("glassgpt")
    assert [name for name in package.__all__ if not hasattr(package, name)] == []


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no_such_name"):
        importlib.import_module("glassgpt").__getattr__("no_such_name")
