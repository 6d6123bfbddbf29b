"""Examples in docstrings give what they promise."""

import ast
import doctest
import importlib

import pytest

from tests.contracts.tree import dotted, modules, short

DOCUMENTED = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def examples(path) -> list[tuple[str, int]]:
    """Docstrings with a prompt in them and their lines; read from the text, since decorators hide functions."""
    nodes = [node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, DOCUMENTED)]
    docs = [(ast.get_docstring(node), getattr(node, "lineno", 1)) for node in nodes]
    return [(text, line) for text, line in docs if text and ">>> " in text]


@pytest.mark.parametrize("path", [path for path in modules() if examples(path)], ids=short)
def test_docstring_examples_hold(path):
    module = importlib.import_module(dotted(path))
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    report: list[str] = []
    for text, line in examples(path):
        test = doctest.DocTestParser().get_doctest(text, dict(vars(module)), dotted(path), short(path), line)
        runner.run(test, out=report.append)
    assert "".join(report) == ""
