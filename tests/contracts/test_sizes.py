"""Code stays small enough to be read: limits on modules and functions, and on names that invite junk."""

import statistics

from tests.contracts.tree import SOURCE, functions, modules, short

JUNK = {"utils", "util", "helpers", "helper", "common", "misc", "manager", "base", "tools", "stuff", "shared"}


def lines(path) -> int:
    return path.read_text(encoding="utf-8").count("\n")


def test_no_module_has_more_than_300_lines():
    assert {short(path): lines(path) for path in modules() if lines(path) > 300} == {}


def test_the_model_fits_180_lines():
    assert lines(SOURCE / "model" / "gpt2.py") <= 180


def test_no_function_has_more_than_50_lines():
    assert {name: length for path in modules() for name, length in functions(path) if length > 50} == {}


def test_nine_functions_in_ten_have_at_most_25_lines():
    lengths = [length for path in modules() for _, length in functions(path)]
    assert statistics.quantiles(lengths, n=10)[-1] <= 25


def test_no_module_is_a_junk_drawer():
    parts = {part.strip("_") for path in modules() for part in path.relative_to(SOURCE).with_suffix("").parts}
    assert parts & JUNK == set()
