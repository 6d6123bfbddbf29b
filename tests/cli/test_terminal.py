"""Pictures made of characters, and the scripts for shells."""

import shutil
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassgpt.cli.bars import EIGHTHS, bar, padding, percent, size, visible


@given(st.floats(0, 1), st.integers(1, 80))
def test_a_bar_is_exact_to_an_eighth_of_a_column(fraction, width):
    drawn = bar(fraction, width)
    eighths = sum(8 if mark == "█" else EIGHTHS.index(mark) for mark in drawn)
    assert abs(eighths - fraction * width * 8) <= 0.5
    assert len(drawn) <= width


@pytest.mark.parametrize(
    ("count", "said"),
    [(0, "0 B"), (999, "999 B"), (36_864, "36.9 kB"), (497_759_232, "498 MB"), (6_230_446_444, "6.2 GB")],
)
def test_sizes_are_said_as_people_say_them(count, said):
    assert size(count) == said


def test_percentages_line_up():
    assert {len(percent(value)) for value in (0.0, 0.001, 0.5, 1.0)} == {7}


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=20))
def test_a_visible_text_is_one_printable_line(text):
    assert visible(text).isprintable()
    assert visible(f" {text.strip()} x") != text


def test_wide_characters_count_twice_in_a_column():
    assert padding(["ab", "漢字", "abcdef"], 24) == ["    ", "  ", ""]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish", "powershell"])
def test_a_completion_script_knows_the_verbs_and_flags(glassgpt, shell):
    script = glassgpt("completion", shell).out
    for word in ("generate", "tokenize", "prepare", "max-new-tokens", "top-k"):
        assert word in script


def complete(script: str, *words: str) -> list[str]:
    """What bash offers for the last word."""
    array = " ".join(f"'{word}'" for word in words)
    ask = (
        f"{script}\nCOMP_WORDS=({array}); COMP_CWORD={len(words) - 1}; _glassgpt; printf '%s\\n' \"${{COMPREPLY[@]}}\""
    )
    done = subprocess.run(["bash", "-c", ask], capture_output=True, text=True, check=True, timeout=20)
    assert done.stderr == ""
    return done.stdout.split()


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
def test_bash_completes_verbs_flags_and_values(glassgpt):
    script = glassgpt("completion", "bash").out
    assert complete(script, "glassgpt", "gen") == ["generate"]
    assert complete(script, "glassgpt", "data", "") == ["prepare"]
    assert complete(script, "glassgpt", "generate", "--top") == ["--top-k", "--top-p"]
    assert complete(script, "glassgpt", "sample", "--max-t") == ["--max-tokens"]
    assert complete(script, "glassgpt", "tokens", "--color", "al") == ["always"]
    assert complete(script, "glassgpt", "tokenizer", "train", "--voc") == ["--vocab-size"]
