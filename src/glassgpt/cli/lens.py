"""`glassgpt lens`: what a model would say if it stopped at each layer."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

from tyro.conf import Positional, arg

from glassgpt.cli.bars import padding, percent
from glassgpt.cli.chart import Axis, Chart, Series
from glassgpt.cli.looking import Inside, Looked, Picture, a_word, look
from glassgpt.cli.options import UsageError
from glassgpt.cli.svg import drawing

if TYPE_CHECKING:
    from glassgpt.interpret import Lens as Seen
    from glassgpt.interpret import Watched

WIDEST = 14


@dataclass(frozen=True, kw_only=True)
class Lens(Picture, Inside):
    """Follow one token up the stack: at each stop, the words that the model would say next if it ended there.

    The word in the last columns is watched on its way: how many words are ahead of it, and its probability.
    """

    EXAMPLES: ClassVar = (
        'glassgpt lens "It was a dark and stormy"',
        'glassgpt lens --word night --top 2 "It was a dark and stormy"',
        'glassgpt lens --svg lens.svg --json "The ship was lost at"',
    )

    words: Annotated[Positional[tuple[str, ...]], arg(metavar="[MODEL] [TEXT]")] = ()
    """The model and the text."""
    top: Annotated[int, arg(metavar="N")] = 3
    """How many words to show at each stop."""
    word: Annotated[str | None, arg(metavar="WORD")] = None
    """The word to watch; the likeliest unless given."""

    def __post_init__(self) -> None:
        """Refuse a list without entries."""
        super().__post_init__()
        if self.top < 1:
            raise UsageError(f"--top {self.top} is not allowed: must be ≥ 1")


def main(options: Lens) -> None:
    """Print the way up, the top of the stack first."""
    from glassgpt.interpret import lens, watch

    looked = look(options.words, options)
    tokenizer, trace, out = looked.lm.tokenizer, looked.trace, looked.out
    seen = lens(trace, options.pos, min(options.top, trace.config.vocab_size))
    word = a_word(options.word, tokenizer, "--word") if options.word else int(seen.ids[-1, 0])
    watched = watch(trace, word, options.pos)
    if options.svg:
        ranks = Series(tokenizer.spell(word), watched.stops, watched.ranks.tolist())
        axes = (Axis("stop, from the embedding up"), Axis("rank of the word, 1 is best", log=True))
        options.draw(drawing(Chart(f"{looked.lm.name}: {tokenizer.spell(word)} on its way up", *axes, [ranks])))
    if options.json:
        out.json("lens", {**looked.facts(options.pos), **_facts(seen, watched, looked)})
        return
    out.result(f"{seen.describe()}\n{watched.describe()}\n")
    for line in _rows(seen, watched, looked):
        out.result(line)


def _facts(seen: "Seen", watched: "Watched", looked: Looked) -> dict[str, object]:
    spell = looked.trace.spell
    stops = [
        {
            "stop": stop,
            "length": float(seen.lengths[n]),
            "words": [
                {"text": spell(token), "id": token, "probability": chance}
                for token, chance in zip(seen.ids[n].tolist(), seen.probabilities[n].tolist(), strict=True)
            ],
            "rank": int(watched.ranks[n]),
            "probability": float(watched.probabilities[n]),
            "logit": float(watched.logits[n]),
        }
        for n, stop in enumerate(seen.stops)
    ]
    return {"watched": {"text": spell(watched.word), "id": watched.word}, "stops": stops}


def _rows(seen: "Seen", watched: "Watched", looked: Looked) -> list[str]:
    """One line for each stop, the highest first."""
    out, spell = looked.out, looked.trace.spell
    shown = [[spell(token) for token in row] for row in seen.ids.tolist()]
    spaces = [padding([row[n] for row in shown], WIDEST) for n in range(seen.ids.shape[1])]
    lines: list[str] = []
    for number, stop in enumerate(seen.stops):
        where = "embedding" if stop == 0 else f"{(stop - 1) // 2:>3} {'attention' if stop % 2 else 'mlp'}"
        words = "  ".join(
            f"{out.paint(text, 'bold')}{spaces[n][number]} {percent(float(seen.probabilities[number, n]))}"
            for n, text in enumerate(shown[number])
        )
        rank = f"{watched.ranks[number] - 1:>7,}  {percent(float(watched.probabilities[number]))}"
        lines.append(f"  {where:<13}  {words}  │ {rank}")
    note = f"  after each stop, the likeliest words │ how many are ahead of {spell(watched.word)}, and its share"
    return [out.paint(note, "dim"), *reversed(lines)]
