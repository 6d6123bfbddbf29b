"""`glassgpt compare`: one text read by two models, token by token."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

from tyro.conf import Positional, UseAppendAction, arg

from glassgpt.cli.bars import padding
from glassgpt.cli.looking import Picture
from glassgpt.cli.open_model import open_model
from glassgpt.cli.options import Place, Talk, UsageError
from glassgpt.cli.prompt import read_stdin, read_text
from glassgpt.cli.scale_bars import bars_drawing, signed_bars
from glassgpt.cli.terminal import Terminal

if TYPE_CHECKING:
    from glassgpt.interpret import Comparison
    from glassgpt.language_model import LanguageModel

BITS = 1 / math.log(2)
WIDEST = 18


@dataclass(frozen=True, kw_only=True)
class Compare(Picture, Place, Talk):
    """Read one text with two models: two checkpoints of a run, or a model before and after a change inside.

    Each token is shown with its surprise in bits in both, and how many bits the second saves (to the right) or loses.
    The models must share a vocabulary.
    """

    EXAMPLES: ClassVar = (
        'glassgpt compare embedded embedded --do "zero mlp 2" "It was a dark and stormy night"',
        'glassgpt compare embedded embedded --do "zero head 0.1" --top 3 "The ship was lost at sea"',
        'glassgpt compare embedded embedded --do "scale mlp 0 by 0.5" --svg two.svg --json "The rain fell."',
    )

    words: Annotated[Positional[tuple[str, ...]], arg(metavar="MODEL MODEL [TEXT]")] = ()
    """The two models and the text; the text may come from --file or a pipe."""
    file: Annotated[str | None, arg(aliases=("-f",), metavar="FILE")] = None
    """Read the text from a file; - is standard input."""
    do: Annotated[tuple[str, ...], arg(metavar="CHANGE"), UseAppendAction] = ()
    """Change something inside the second model first: "zero head 2.1", "scale mlp 3 by 0.5", "mean neuron 4.17"."""
    top: Annotated[int, arg(metavar="N")] = 0
    """Only the N tokens that differ most; 0 shows all."""


def main(options: Compare) -> None:
    """Print both readings."""
    from glassgpt.interpret import compare, intervention, trace

    out = Terminal(options)
    text = _text(options)
    one, other = (open_model(name, options, out) for name in options.words[:2])
    if one.tokenizer.fingerprint != other.tokenizer.fingerprint:
        raise UsageError(
            f"{one.name} and {other.name} have different vocabularies; compare their bits per byte instead"
        )
    ids = [one.tokenizer.end_of_text, *one.tokenizer.encode(text)]
    first, plain = (trace(each.model, ids, spell=each.tokenizer.spell) for each in (one, other))
    changes = [intervention(each, reference=plain) for each in options.do]
    found = compare(first, plain.under(*changes) if changes else plain)
    pairs = [(first.spell(token), float(gain) * BITS) for token, gain in zip(ids[1:], found.gained, strict=True)]
    title = f"{one.name} and {other.name}{', changed' if changes else ''}: bits that the second saves"
    options.draw(bars_drawing(title, pairs, found.describe()))
    if options.json:
        out.json("compare", _facts(found, one, other, [str(each) for each in changes]))
        return
    out.result(f"{found.describe()}\n")
    order = (
        sorted(range(len(pairs)), key=lambda at: -abs(pairs[at][1]))[: options.top]
        if options.top
        else range(len(pairs))
    )
    shown = [pairs[at] for at in order]
    bits = [f"{-found.one[at] * BITS:6.2f} → {-found.other[at] * BITS:6.2f}" for at in order]
    out.result(
        out.paint(f"  {'token':<{WIDEST}}  bits saved by the second · surprise in the first → in the second", "dim")
    )
    lines = list(signed_bars(shown, out))
    for line, space, said in zip(lines, padding(lines, 90), bits, strict=True):
        out.result(f"{line}{space}  {said}")
    total = float(found.gained.sum()) * BITS
    out.result(f"\n{total:+.2f} bits in all · {len(pairs):,} tokens · mean KL {float(found.kl.mean()):.4f} nats")


def _text(options: Compare) -> str:
    if not 2 <= len(options.words) <= 3 or (options.file and len(options.words) == 3):
        raise UsageError("give two models and a text: glassgpt compare A B TEXT")
    if len(options.words) == 3:
        return options.words[2]
    if options.file not in (None, "-"):
        return read_text(Path(str(options.file)).expanduser())
    text = read_stdin(insist=options.file == "-")
    if not text:
        raise UsageError("there is no text: give two models and a text, or the text with --file or on standard input")
    return text


def _facts(found: "Comparison", one: "LanguageModel", other: "LanguageModel", changes: list[str]) -> dict[str, object]:
    return {
        "models": [one.name, other.name],
        "changes": changes,
        "ids": list(found.ids),
        "logprobs": [found.one.tolist(), found.other.tolist()],
        "kl": found.kl.tolist(),
        "best": [found.best_one.tolist(), found.best_other.tolist()],
    }
