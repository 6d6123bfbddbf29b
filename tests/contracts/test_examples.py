"""The examples are short, and they work."""

import ast
import subprocess
import sys

import pytest

from tests.contracts.tree import ROOT, short

EXAMPLES = sorted((ROOT / "examples").glob("*.py"))


def test_there_are_five():
    assert len(EXAMPLES) >= 5


@pytest.mark.parametrize("path", EXAMPLES, ids=short)
def test_an_example_fits_on_a_screen_and_says_what_it_shows(path):
    text = path.read_text(encoding="utf-8")
    assert text.count("\n") <= 40
    assert ast.get_docstring(ast.parse(text))


@pytest.mark.slow
@pytest.mark.parametrize("path", EXAMPLES, ids=short)
def test_an_example_runs_and_prints(path, tmp_path):
    done = subprocess.run([sys.executable, path], cwd=tmp_path, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() != ""
