"""`glassgpt neighbors`: the words whose embeddings are nearest to a word, a sum of words, or a word in its sentence."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

from tyro.conf import Positional, UseAppendAction, arg

from glassgpt.cli.bars import bar, padding
from glassgpt.cli.looking import Picture, a_word
from glassgpt.cli.open_model import open_model
from glassgpt.cli.options import Place, Source, Talk, UsageError
from glassgpt.cli.prompt import sort_out
from glassgpt.cli.scale_bars import bars_drawing
from glassgpt.cli.terminal import Terminal

if TYPE_CHECKING:
    from glassgpt.interpret import Neighbors as Found
    from glassgpt.language_model import LanguageModel

WIDE, WIDEST = 32, 20


@dataclass(frozen=True, kw_only=True)
class Neighbors(Picture, Source, Place, Talk):
    """Show the words whose embeddings point the same way (cosine), from 1 (the same) to -1.

    With --plus and --minus the word becomes a sum: king --minus man --plus woman. With --than, the meaning of a
    difference: the words most along the way from that word to this one, and most against it. A word is one token, with
    the space before it that it has inside a text, if there is such a token; #417 is the token with that id.
    """

    EXAMPLES: ClassVar = (
        'glassgpt neighbors "king"',
        "glassgpt neighbors father --minus man --plus woman",
        "glassgpt neighbors night --than day --top 5 --json",
    )

    words: Annotated[Positional[tuple[str, ...]], arg(metavar="[MODEL] WORD")] = ()
    """The model and the word."""
    plus: Annotated[tuple[str, ...], arg(metavar="WORD"), UseAppendAction] = ()
    """Add this word."""
    minus: Annotated[tuple[str, ...], arg(metavar="WORD"), UseAppendAction] = ()
    """Subtract this word."""
    than: Annotated[str | None, arg(metavar="WORD")] = None
    """Show what the difference from this word means."""
    top: Annotated[int, arg(metavar="N")] = 10
    """How many words to show."""

    def __post_init__(self) -> None:
        """Refuse a list without entries, and two questions at once."""
        super().__post_init__()
        if self.top < 1:
            raise UsageError(f"--top {self.top} is not allowed: must be ≥ 1")
        if self.than and (self.plus or self.minus):
            raise UsageError("choose one: --than, or --plus and --minus")


def main(options: Neighbors) -> None:
    """Print the nearest words."""
    from glassgpt.interpret import difference, neighbors

    asked, out = sort_out(options.words, options), Terminal(options)
    if not asked.text:
        raise UsageError("there is no word: give one as an argument")
    lm = open_model(asked.model, options, out)
    tokenizer = lm.tokenizer
    word = a_word(asked.text.rstrip("\n"), tokenizer, "WORD")
    if options.than:
        rival = a_word(options.than, tokenizer, "--than")
        found = difference(lm.model, word, rival, options.top, tokenizer.spell)
        lists, said = {"along": found.along, "against": found.against}, found.describe()
    else:
        plus, minus = (
            [a_word(each, tokenizer, "--plus/--minus") for each in more] for more in (options.plus, options.minus)
        )
        near = neighbors(lm.model, [word, *plus], minus, options.top, tokenizer.spell)
        lists, said = {"nearest": near}, near.describe()
    if options.svg:
        pairs = [pair for one in lists.values() for pair in _named(one, lm)]
        options.draw(bars_drawing(f"{lm.name}: {tokenizer.spell(word)}", pairs, said))
    if options.json:
        out.json(
            "neighbors", {"model": lm.name, "word": word, **{name: _facts(one, lm) for name, one in lists.items()}}
        )
        return
    for number, (name, one) in enumerate(lists.items()):
        out.result(out.paint(("" if not number else "\n") + (f"{name}" if options.than else one.of), "bold"))
        _table(one, lm, out)


def _named(found: "Found", lm: "LanguageModel") -> list[tuple[str, float]]:
    pairs = zip(found.ids.tolist(), found.cosines.tolist(), strict=True)
    return [(lm.tokenizer.spell(word), cosine) for word, cosine in pairs]


def _facts(found: "Found", lm: "LanguageModel") -> list[dict[str, object]]:
    pairs = zip(found.ids.tolist(), _named(found, lm), strict=True)
    return [{"text": text, "id": word, "cosine": cosine} for word, (text, cosine) in pairs]


def _table(found: "Found", lm: "LanguageModel", out: Terminal) -> None:
    named = _named(found, lm)
    for (text, cosine), space in zip(named, padding([text for text, _ in named], WIDEST), strict=True):
        out.result(f"  {text}{space}  {cosine:+6.3f}  {out.paint(bar(cosine, WIDE), 'cyan')}".rstrip())
