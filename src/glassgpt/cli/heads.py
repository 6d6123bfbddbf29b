"""`glassgpt heads`: the habits of a model's heads, measured on random words that are said twice."""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from tyro.conf import Positional, arg

from glassgpt.cli.bars import bar
from glassgpt.cli.heat import Table, heat_map
from glassgpt.cli.looking import Picture
from glassgpt.cli.open_model import open_model
from glassgpt.cli.options import Place, Talk, UsageError
from glassgpt.cli.terminal import Terminal

WIDE = 24


@dataclass(frozen=True, kw_only=True)
class Heads(Picture, Place, Talk):
    """Find heads with a habit: looking at the token before, at the same token earlier, at what followed it there
    (induction: how a model copies), or at the first token.

    A score is the mean share of attention that goes there, from 0 to 1, on random words that are said twice.
    """

    EXAMPLES: ClassVar = (
        "glassgpt heads",
        "glassgpt heads --habit induction --top 5",
        "glassgpt heads --svg heads.svg --json",
    )

    name: Annotated[Positional[str], arg(metavar="MODEL")] = "embedded"
    """A folder, a file, a run, or a name such as gpt2."""
    habit: Literal["previous", "duplicate", "induction", "first", "each"] = "each"
    """Rank the heads by one habit; each shows the best of all four."""
    top: Annotated[int, arg(metavar="N")] = 3
    """How many heads to show."""
    seed: Annotated[int, arg(aliases=("-s",), metavar="N")] = 0
    """Other random words."""
    length: Annotated[int | None, arg(metavar="N")] = None
    """How many words, before they are said again; 50, or as many as the model sees."""

    def __post_init__(self) -> None:
        """Refuse a list without entries."""
        super().__post_init__()
        if self.top < 1:
            raise UsageError(f"--top {self.top} is not allowed: must be ≥ 1")


def main(options: Heads) -> None:
    """Print the best heads of each habit."""
    from glassgpt.interpret import HABITS, score_heads

    out = Terminal(options)
    lm = open_model(options.name, options, out)
    found = score_heads(lm.model, options.seed, length=options.length)
    tables = {habit: getattr(found, habit) for habit in HABITS}
    if options.svg:
        layers, heads = ([str(n) for n in range(count)] for count in found.first.shape)
        pictures = [Table(habit, table, layers, heads) for habit, table in tables.items()]
        options.draw(heat_map(f"{lm.name}: habits of its heads", pictures, found.describe(), across=2))
    if options.json:
        out.json("heads", {"model": lm.name, **{habit: table.tolist() for habit, table in tables.items()}})
        return
    out.result(f"{found.describe()}\n")
    for habit, table in tables.items():
        if options.habit in ("each", habit):
            out.result(out.paint(habit, "bold"))
            for index in (-table).argsort(axis=None, kind="stable")[: options.top].tolist():
                layer, head = divmod(index, table.shape[1])
                value = float(table[layer, head])
                out.result(f"  {layer:>2}.{head:<3}  {value:5.3f}  {out.paint(bar(value, WIDE), 'cyan')}".rstrip())
