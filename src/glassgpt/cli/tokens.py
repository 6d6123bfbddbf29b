"""`glassgpt tokens`: the pieces a text is cut into, their ids and bytes, and how they were merged."""

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

from tyro.conf import Positional, arg

from glassgpt.cli.bars import padding, plural, visible
from glassgpt.cli.options import Source, Talk, UsageError
from glassgpt.cli.prompt import ALIASES, EMBEDDED, sort_out
from glassgpt.cli.terminal import Terminal
from glassgpt.cli.verbs import nearest
from glassgpt.errors import ModelNotFound

if TYPE_CHECKING:
    from glassgpt.tokens import Piece, Tokenizer

TINTS = ("black on #a8dadc", "black on #ffd6a5", "black on #cdb4db", "black on #b5e48c")
WIDEST, LONGEST = 24, 60  # columns
SHORT = 4_096  # characters


@dataclass(frozen=True, kw_only=True)
class Tokens(Source, Talk):
    """Show the pieces a text is cut into, with their ids and bytes.

    The vocabulary is GPT-2's unless you name a MODEL, whose own is then used. The text comes from the argument,
    from --file, or from standard input, and is taken exactly as it is.
    """

    EXAMPLES: ClassVar = (
        'glassgpt tokens "A robot must obey"',
        'glassgpt tokens --steps "unbelievable"',
        'glassgpt tokens embedded --ids "A robot must obey"',
    )

    words: Annotated[Positional[tuple[str, ...]], arg(metavar="[MODEL] [TEXT]")] = ()
    """One word is the text; two are the model and the text."""
    steps: bool = False
    """Show every merge, step by step."""
    ids: bool = False
    """Print only the ids."""
    count: bool = False
    """Print only how many tokens there are."""
    decode: bool = False
    """The other way: the text is a list of ids."""
    allow_special: bool = False
    """Read <|endoftext|> in the text as the special token."""

    def __post_init__(self) -> None:
        """Refuse two answers at once."""
        chosen = [name for name in ("steps", "ids", "count", "decode") if getattr(self, name)]
        if len(chosen) > 1:
            raise UsageError(f"--{chosen[0]} and --{chosen[1]} ask for different answers: choose one")


def main(options: Tokens) -> None:
    """Print the tokens of a text."""
    asked = sort_out(options.words, options, default="gpt2")
    if asked.text is None:
        raise UsageError('there is no text: give it as an argument, with --file, or on standard input ("" for none)')
    tokenizer = tokenizer_of(asked.model)
    out = Terminal(options)
    if options.decode:
        return _decode(asked.text, tokenizer, out)
    pieces = tokenizer.show(asked.text) if options.steps or len(asked.text) <= SHORT else []
    if pieces and not options.allow_special:  # for a short text quicker than setting up the fast tokenizer
        ids = [token for piece in pieces for token in piece.ids]
    else:
        ids = tokenizer.encode(asked.text, allow_special=options.allow_special)
    if options.json:
        out.json("tokens", {"model": asked.model, **_facts(ids, pieces, tokenizer, options)})
    elif options.count:
        out.result(str(len(ids)))
    elif options.ids:
        out.result(" ".join(map(str, ids)))
    else:
        for line in _steps(pieces, tokenizer, out) if options.steps else _table(ids, tokenizer, out):
            out.result(line)
        counts = (len(ids), "token"), (len(asked.text), "character"), (len(asked.text.encode()), "byte")
        told = " · ".join(plural(*count) for count in counts)
        out.talk(out.paint_talk(f"{told} · vocabulary of {asked.model}", "dim"))
    return None


def tokenizer_of(model: str) -> "Tokenizer":
    """The vocabulary of a model, without loading its weights or PyTorch."""
    from glassgpt.tokens import Tokenizer

    if model in ALIASES and model != EMBEDDED:
        return Tokenizer.gpt2()
    folder = Path(str(files("glassgpt"))) / "checkpoints" / EMBEDDED if model == EMBEDDED else Path(model).expanduser()
    for place in (folder, folder / "tokenizer"):
        if any((place / name).is_file() for name in ("tokenizer.json", "vocab.json", "encoder.json")):
            return Tokenizer.load(place)
    if folder.exists():
        return Tokenizer.gpt2()
    known = f"no such folder, and the known names are {', '.join(ALIASES)}"
    raise ModelNotFound(f"there is no model {model!r}{nearest(model, ALIASES)} There is {known}.")


def _decode(text: str, tokenizer: "Tokenizer", out: Terminal) -> None:
    try:
        ids = [int(word) for word in text.replace(",", " ").strip("[] \n").split()]
    except ValueError as error:
        raise UsageError(f"--decode needs ids such as 15496 995; {error}") from error
    decoded = tokenizer.decode(ids)
    out.json("tokens", {"ids": ids, "text": decoded}) if out.options.json else out.result(decoded)


def _facts(ids: list[int], pieces: "list[Piece]", tokenizer: "Tokenizer", options: Tokens) -> dict[str, object]:
    facts: dict[str, object] = {"count": len(ids)}
    if options.count:
        return facts
    facts["ids"] = ids
    if not options.ids:
        raw = [tokenizer.token_bytes(token) for token in ids]
        facts["tokens"] = [
            {"id": token, "text": data.decode(errors="replace"), "bytes": data.hex(" ")}
            for token, data in zip(ids, raw, strict=True)
        ]
    if options.steps:
        facts["pieces"] = [
            {
                "text": piece.text,
                "ids": piece.ids,
                "steps": [
                    {"rank": s.rank, "at": s.at, "left": s.left.hex(" "), "right": s.right.hex(" ")}
                    for s in piece.steps
                ],
            }
            for piece in pieces
        ]
    return facts


def _table(ids: list[int], tokenizer: "Tokenizer", out: Terminal) -> Iterator[str]:
    """The text in one line with its tokens told apart, then a row for each."""
    shown = [show(tokenizer.token_bytes(token)) for token in ids]
    if not shown:
        return
    coloured = out.paint("x", "bold") != "x"
    tinted = [out.paint(piece, TINTS[number % len(TINTS)]) for number, piece in enumerate(shown)]
    yield "".join(tinted) if coloured else "|".join(shown)
    yield ""
    spaces = padding(shown, WIDEST)
    for token, tint, space in zip(ids, tinted, spaces, strict=True):
        data = tokenizer.token_bytes(token)
        yield f"  {tint}{space}  {token:>6}   {out.paint(data.hex(' '), 'dim')}"


def _steps(pieces: "list[Piece]", tokenizer: "Tokenizer", out: Terminal) -> Iterator[str]:
    """Each different piece once: its bytes, then one line for each merge."""
    from glassgpt.tokens.merge import states

    for piece in {piece.text: piece for piece in pieces}.values():
        lines = [" ".join(map(show, state)) for state in states(piece.text.encode(), piece.steps)]
        notes = [""] + [f"{show(step.left)} + {show(step.right)}   rank {step.rank}" for step in piece.steps]
        yield out.paint(visible(piece.text), "bold")
        for line, note, space in zip(lines, notes, padding(lines, LONGEST), strict=True):
            yield f"  {line}{space}   {out.paint(note, 'dim')}".rstrip()
        yield f"  {out.paint('ids', 'dim')} {' '.join(map(str, piece.ids))}"
        yield ""


def show(token: bytes) -> str:
    """A token as readable text; bytes that are no whole character as ⟨E2 80⟩."""
    from glassgpt.tokens.spell import spell

    return spell(token)
