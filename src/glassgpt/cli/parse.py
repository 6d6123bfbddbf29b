"""A command line in, a dataclass of options out; or a UsageError in plain words.

Our own pass finds what was misspelt or left without a value, and lets flags and words stand in any order; tyro then
turns the strings into the types of the dataclass.
"""

import contextlib
import dataclasses
import io
import re
from collections.abc import Iterator, Sequence
from typing import TypeVar

import tyro

from glassgpt.cli.flags import Flag, flags
from glassgpt.cli.options import UsageError
from glassgpt.cli.verbs import nearest

Options = TypeVar("Options")

RULE = re.compile(r"^[─-]{8,}$")
NUMBER = re.compile(r"-\d|-\.\d")
REWORDED = (
    (r"invalid literal for int\(\) with base 10: (.*)", r"\1 is not a whole number"),
    (r"could not convert string to float: (.*)", r"\1 is not a number"),
    (r"^Error parsing ([a-z_]+: )?", ""),
    (r"Expected one of \((.*)\)", r"Choose one of \1"),
)
"""tyro's messages, where ours are plainer."""


def parse(options: type[Options], arguments: Sequence[str]) -> Options:
    """Read the arguments of one verb."""
    known = flags(options)
    given, words = _sort_out(arguments, known)
    _count(words, [flag for flag in known if not flag.names])
    with _in_plain_words():
        return tyro.cli(options, args=[*given, "--", *words], prog="glassgpt", add_help=False)


def fill_in(start: Options, given: Sequence[str]) -> Options:
    """A dataclass with the keys replaced that a field marked with `KeysOf` has collected."""
    with _in_plain_words():
        return tyro.cli(type(start), default=start, args=list(given), prog="glassgpt", add_help=False)


@contextlib.contextmanager
def _in_plain_words() -> Iterator[None]:
    """What tyro prints in a box before it gives up becomes a UsageError."""
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said), contextlib.redirect_stdout(said):
            yield
    except SystemExit as stop:
        raise UsageError(_plain(said.getvalue())) from stop


def _sort_out(arguments: Sequence[str], known: list[Flag]) -> tuple[list[str], list[str]]:
    """Flags with their values, and the words between them; everything after `--` is a word."""
    by_spelling = {spelling: flag for flag in known for spelling in flag.spellings}
    given: list[str] = []
    words: list[str] = []
    rest = iter(arguments)
    for token in rest:
        if token == "--":
            words.extend(rest)
        elif token == "-" or not token.startswith("-") or NUMBER.match(token):
            words.append(token)
        else:
            given += _one_flag(token, rest, by_spelling)
    return [_collected(typed, by_spelling) for typed in given], words


def _collected(typed: str, by_spelling: dict[str, Flag]) -> str:
    """A key of `KeysOf` becomes a value of the field that collects it."""
    into = by_spelling[typed.partition("=")[0]].into
    return f"--{into}={typed}" if into else typed


def _count(words: list[str], places: list[Flag]) -> None:
    """Refuse too few or too many words, unless the verb takes a list and looks itself."""
    if any(place.is_list for place in places):
        return
    if len(words) > len(places):
        raise UsageError(f"{words[len(places)]!r} is one word too many; put quotes around a text with spaces")
    missing = [place.metavar for place in places[len(words) :] if place.default is dataclasses.MISSING]
    if missing:
        raise UsageError(f"{' and '.join(missing)} missing")


def _one_flag(token: str, rest: Iterator[str], by_spelling: dict[str, Flag]) -> list[str]:
    name, equals, value = token.partition("=")
    if name.startswith("--"):
        name = name.replace("_", "-")
    elif name not in by_spelling and name[:2] in by_spelling:  # -n5
        name, equals, value = token[:2], "=", token[2:]
    flag = by_spelling.get(name)
    if flag is None:
        hint = nearest(name, by_spelling) or "; a text that starts with a dash goes after --"
        raise UsageError(f"there is no {name}{hint}")
    if flag.is_switch:
        if equals and len(token) > 2 and not token.startswith("--"):  # -qv
            return [name, *_one_flag(f"-{value}", rest, by_spelling)]
        if equals:
            raise UsageError(f"{name} is a switch and takes no value")
        return [name]
    if not equals:
        following = next(rest, None)
        if following is None or following.partition("=")[0] in by_spelling:
            raise UsageError(f"{name} needs a value: {name} {flag.metavar}")
        value = following
    return [f"{flag.names[0]}={value}"]


def _plain(boxed: str) -> str:
    """The first paragraph of a message that tyro drew in a box."""
    lines = [line.strip("│| ").strip() for line in boxed.splitlines() if not line.startswith(("╭", "╰", "+"))]
    if len(lines) > 1 and RULE.match(lines[1]):  # drawn without a box: the title, a rule, the text
        lines = lines[2:]
    until = next((number for number, line in enumerate(lines) if RULE.match(line)), len(lines))
    text = " ".join(" ".join(lines[:until]).split())
    for found, plainer in REWORDED:
        text = re.sub(found, plainer, text)
    return text or "the arguments cannot be understood"
