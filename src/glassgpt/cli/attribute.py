"""`glassgpt attribute`: which heads and networks said a word, in parts that sum to its logit."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from tyro.conf import Positional, arg

from glassgpt.cli.looking import Inside, Picture, a_word, look
from glassgpt.cli.options import UsageError
from glassgpt.cli.scale_bars import bars_drawing, signed_bars


@dataclass(frozen=True, kw_only=True)
class Attribute(Picture, Inside):
    """Take a word's logit apart: what each head, each feed-forward network and the embeddings add to it.

    The parts sum to the logit, because the last normalisation's scale is kept as it was. What a part does by way of
    others is not counted here; `glassgpt ablate` shows that.
    """

    EXAMPLES: ClassVar = (
        'glassgpt attribute "It was a dark and stormy"',
        'glassgpt attribute --word night --against day "It was a dark and stormy"',
        'glassgpt attribute --svg parts.svg --json "The ship was lost at"',
    )

    words: Annotated[Positional[tuple[str, ...]], arg(metavar="[MODEL] [TEXT]")] = ()
    """The model and the text."""
    word: Annotated[str | None, arg(metavar="WORD")] = None
    """The word that would follow; the likeliest unless given."""
    against: Annotated[str | None, arg(metavar="WORD")] = None
    """Explain the lead over this word instead."""
    top: Annotated[int, arg(metavar="N")] = 16
    """How many parts to show, the strongest first; the others are summed."""

    def __post_init__(self) -> None:
        """Refuse a list without entries."""
        super().__post_init__()
        if self.top < 1:
            raise UsageError(f"--top {self.top} is not allowed: must be ≥ 1")


def main(options: Attribute) -> None:
    """Print the parts."""
    from glassgpt.interpret import attribute

    looked = look(options.words, options)
    trace, out, tokenizer = looked.trace, looked.out, looked.lm.tokenizer
    word = a_word(options.word, tokenizer, "--word") if options.word else int(trace.logits(options.pos).argmax())
    rival = a_word(options.against, tokenizer, "--against") if options.against else None
    found = attribute(trace, word, options.pos, rival)
    parts = [part for part in found.parts() if part[0] != "interventions" or options.do]
    strongest = sorted(parts, key=lambda part: -abs(part[1]))[: options.top]
    rest = sum(value for _, value in parts) - sum(value for _, value in strongest)
    others = len(parts) - len(strongest)
    shown = [*strongest, *([(f"{others} others", rest)] if others else []), ("sum", found.total)]
    options.draw(bars_drawing(f"{looked.lm.name}: who says {trace.spell(word)}", shown, found.describe()))
    if options.json:
        words = {"word": {"text": trace.spell(word), "id": word}, "logit": found.logit, "total": found.total}
        against = {"against": rival and {"text": trace.spell(rival), "id": rival}}
        out.json("attribute", {**looked.facts(options.pos), **words, **against, "parts": dict(parts)})
        return
    out.result(f"{found.describe()}\n")
    for line in signed_bars(shown, out):
        out.result(line)
