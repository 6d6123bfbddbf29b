"""Help pages: the table of verbs, or one verb's options class in, text out."""

import dataclasses
import inspect
import shutil
import textwrap
from collections.abc import Iterator
from itertools import groupby

from glassgpt.cli.exit_codes import CODES
from glassgpt.cli.flags import Flag, flags, negated
from glassgpt.cli.options import Talk
from glassgpt.cli.verbs import VERBS

INDENT = 26
SHOWN = (int, float, str)


def overview() -> str:
    """What `glassgpt --help` prints."""
    width = max(map(len, VERBS)) + 2
    codes = ", ".join(f"{code} {meaning}" for code, meaning in CODES.items())
    verbs = "\n".join(
        f"  {name:<{width}}{verb.summary}" + (f" (also: {', '.join(verb.aliases)})" if verb.aliases else "")
        for name, verb in VERBS.items()
    )
    return f"""\
GlassGPT: the whole of GPT-2, clear and fast.

usage: glassgpt VERB [MODEL] [options]

{verbs}

glassgpt VERB --help describes a verb. Every verb takes --json, --quiet, --verbose and --color.
MODEL is a folder, a file, a run, or a name such as gpt2; without one, the model that comes with GlassGPT.
Exit codes: {codes}.

examples:
  glassgpt generate "A robot must obey"
  glassgpt next "The capital of France is"
  glassgpt tokens --steps "unbelievable"
"""


def page(verb: str, options: type[Talk], *, every_key: bool = False) -> str:
    """What `glassgpt VERB --help` prints; `every_key` writes the keys of a recipe out, as --help-all does."""
    every = flags(options)
    words = " ".join(_word(flag) for flag in every if not flag.names)
    usage = f"usage: glassgpt {verb} {words} [options]".replace("  ", " ")
    parts = [usage, inspect.cleandoc(options.__doc__ or "")]
    shown_flags = [flag for flag in every if every_key or not flag.into]
    for group, members in groupby(shown_flags, key=lambda flag: flag.group):
        shown = "\n".join(line for flag in members for line in _entry(flag))
        parts.append(f"{_heading(group, options)}:\n{shown}")
    if keys := [flag for flag in every if flag.into and not every_key]:
        parts.append(_keys(keys))
    if options.EXIT_CODES:
        rows = sorted((CODES | options.EXIT_CODES).items())
        parts.append("\n".join(["exit codes:", *(f"  {code:>3}  {meaning}" for code, meaning in rows)]))
    parts.append("\n".join(["examples:", *(f"  {example}" for example in options.EXAMPLES)]))
    return "\n\n".join(parts) + "\n"


def _keys(flags_of_recipe: list[Flag]) -> str:
    """The keys of a recipe by their parts, one paragraph each."""
    lines = ["settings of the recipe, each a flag with a value (--help-all explains them one by one):"]
    for prefix, members in groupby(flags_of_recipe, key=lambda flag: flag.names[0].rpartition(".")[0]):
        names = [flag.names[0].removeprefix(f"{prefix}." if prefix else "--") for flag in members]
        lines += _columns(f"  {prefix}.…" if prefix else "  --…", ", ".join(names))
    return "\n".join(lines)


def _heading(group: type, options: type) -> str:
    return "options" if group is options else inspect.cleandoc(group.__doc__ or "").splitlines()[0].rstrip(".")


def _word(flag: Flag) -> str:
    """A positional argument in the usage line, in brackets where it may be left out."""
    return flag.metavar if flag.is_list or flag.default is dataclasses.MISSING else f"[{flag.metavar}]"


def _entry(flag: Flag) -> Iterator[str]:
    short = [name for name in flag.names if not name.startswith("--")][:1]
    main = flag.names[0] if flag.names else flag.metavar
    if flag.is_switch and flag.default is True:
        main = negated(main)
    left = "  " + (f"{short[0]}, {main}" if short else (f"    {main}" if flag.names else main))
    if flag.names and flag.metavar:
        left += f" {flag.metavar}"
    also = [name for name in flag.names[1:] if name not in short]
    notes = [flag.help, *_default(flag), *(["Repeatable."] if flag.repeatable else [])]
    notes += [f"Also {', '.join(also)}."] if also else []
    yield from _columns(left, " ".join(notes))


def _columns(left: str, right: str) -> Iterator[str]:
    """A name, and beside or below it what it means."""
    lines = textwrap.wrap(right, _width() - INDENT, break_on_hyphens=False) or [""]
    if len(left) + 2 > INDENT:
        yield left
    else:
        yield f"{left:<{INDENT}}{lines.pop(0)}"
    for line in lines:
        yield " " * INDENT + line


def _width() -> int:
    return max(60, min(shutil.get_terminal_size().columns, 100))


def _default(flag: Flag) -> list[str]:
    """The default, where a number or a word says something."""
    if flag.is_switch or not isinstance(flag.default, SHOWN) or flag.default == "":
        return []
    return [f"[{flag.default:g}]" if isinstance(flag.default, int | float) else f"[{flag.default}]"]
