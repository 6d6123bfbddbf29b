"""What a class of options offers: a dataclass in, a list of flags out, for help pages, checks and completion."""

import ast
import dataclasses
import inspect
import types
from dataclasses import dataclass
from typing import Annotated, Literal, Union, get_args, get_origin, get_type_hints

from tyro.conf import Positional, UseAppendAction

METAVARS: dict[object, str] = {int: "N", float: "X"}


@dataclass(frozen=True, slots=True)
class Flag:
    """One field of an options class as the user sees it."""

    field: str
    names: tuple[str, ...]
    """Spellings, the full name first; empty for a positional argument."""
    metavar: str
    """What stands for the value; empty for a switch."""
    help: str
    default: object
    group: type
    """The class that declares it."""
    choices: tuple[str, ...] = ()
    repeatable: bool = False
    is_list: bool = False
    """Takes any number of words."""
    into: str = ""
    """The field that collects it, for a key of `KeysOf`; the flag then has its dotted name."""

    @property
    def is_switch(self) -> bool:
        """Takes no value."""
        return not self.metavar

    @property
    def spellings(self) -> tuple[str, ...]:
        """Every way to type it, with the negations of a switch."""
        if not self.is_switch:
            return self.names
        return (*self.names, *(negated(name) for name in self.names if name.startswith("--")))


def negated(name: str) -> str:
    """`--no-resume`; a dotted key says no at its end: `--reading.no-isolate`."""
    part, dot, key = name[2:].rpartition(".")
    return f"--{part}{dot}no-{key}"


@dataclass(frozen=True, slots=True)
class KeysOf:
    """Marks a field that collects a flag for every key of a dataclass, those of its parts with dotted names.

    The field gets what was typed, as tyro reads it: `("--optimizer.lr=0.001", "--compile")`.
    """

    kind: type
    also: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """Further names of some keys: `(("optimizer.lr", ("--lr",)),)`."""


def flags(options: type) -> list[Flag]:
    """All flags and positional arguments, those the class itself declares first, then each group."""
    hints = get_type_hints(options, include_extras=True)
    found: list[Flag] = []
    for group in (cls for cls in options.__mro__ if dataclasses.is_dataclass(cls)):
        notes = _docstrings(group)
        own = [field for field in dataclasses.fields(group) if field.name in inspect.get_annotations(group)]
        for field in own:
            marks = [mark for mark in _markers(hints[field.name]) if isinstance(mark, KeysOf)]
            if marks:
                found += _keys(marks[0].kind, "", field.name, dict(marks[0].also))
            else:
                found.append(_flag(field, hints[field.name], notes.get(field.name, ""), group))
    return found


def _keys(kind: type, prefix: str, into: str, also: dict[str, tuple[str, ...]]) -> list[Flag]:
    """The keys of a dataclass, then those of its parts."""
    hints, notes = get_type_hints(kind), _docstrings(kind)
    own: list[Flag] = []
    inner: list[Flag] = []
    for field in dataclasses.fields(kind):
        if dataclasses.is_dataclass(hint := hints[field.name]):
            inner += _keys(hint, f"{prefix}{field.name}.", into, also)
            continue
        flag = _flag(field, hint, notes.get(field.name, ""), kind)
        path = prefix + field.name
        names = (f"--{path.replace('_', '-')}", *also.get(path, ()))
        own.append(dataclasses.replace(flag, field=path, names=names, into=into))
    return [*own, *inner]


def _flag(field: dataclasses.Field[object], hint: object, note: str, group: type) -> Flag:
    markers = _markers(hint)
    kind = _bare(hint)
    named = next((mark for mark in markers if hasattr(mark, "aliases")), None)
    called = getattr(named, "name", None) or field.name
    names = (f"--{called.replace('_', '-')}", *(getattr(named, "aliases", None) or ()))
    choices = tuple(str(choice) for choice in get_args(kind)) if get_origin(kind) is Literal else ()
    metavar = getattr(named, "metavar", None) or "|".join(choices) or METAVARS.get(kind, "TEXT")
    return Flag(
        field=field.name,
        names=() if Positional in markers else names,
        metavar="" if kind is bool else metavar,
        help=note,
        default=field.default if field.default_factory is dataclasses.MISSING else field.default_factory(),
        group=group,
        choices=choices,
        repeatable=UseAppendAction in markers,
        is_list=isinstance(field.default, tuple),
    )


def _markers(hint: object) -> tuple[object, ...]:
    return hint.__metadata__ if get_origin(hint) is Annotated else ()  # pyrefly: ignore


def _bare(hint: object) -> object:
    """The type without annotations, `| None` and `tuple[…, ...]`."""
    if get_origin(hint) is Annotated:
        hint = get_args(hint)[0]
    if get_origin(hint) in (Union, types.UnionType):
        hint = next(part for part in get_args(hint) if part is not type(None))
    return hint if get_origin(hint) is not tuple else get_args(hint)[0]


def _docstrings(cls: type) -> dict[str, str]:
    """The string under each field: written once, shown by editors and by `--help`."""
    body = ast.parse(inspect.cleandoc(inspect.getsource(cls))).body[0]
    assert isinstance(body, ast.ClassDef)
    notes = {}
    for field, after in zip(body.body, body.body[1:], strict=False):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and isinstance(after, ast.Expr):
            notes[field.target.id] = " ".join(str(ast.literal_eval(after.value)).split())
    return notes
