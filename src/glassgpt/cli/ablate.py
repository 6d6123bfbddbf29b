"""`glassgpt ablate`: what becomes of the next word without each head and network, one at a time."""

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from tyro.conf import Positional, arg

from glassgpt.cli.heat import Table, heat_map
from glassgpt.cli.looking import Inside, Looked, Picture, a_word, look
from glassgpt.cli.options import UsageError
from glassgpt.cli.progress import progress
from glassgpt.cli.table import show_table

if TYPE_CHECKING:
    from glassgpt.interpret import Attribution, Sweep


@dataclass(frozen=True, kw_only=True)
class Ablate(Picture, Inside):
    """Silence every head and every feed-forward network, one at a time, and see what becomes of a word.

    Total is the change of the word's log-probability, in nats, when the part is silent: below 0, the word needs it.
    Direct is what the part adds to the word's logit itself (`glassgpt attribute`). They disagree where a part works by
    way of others, or where others make up for it. With --do alone, before and after of that change is shown first.
    """

    EXAMPLES: ClassVar = (
        'glassgpt ablate "It was a dark and stormy"',
        'glassgpt ablate --how mean --word night --top 5 "It was a dark and stormy"',
        'glassgpt ablate --do "zero mlp 0" --svg sweep.svg --json "The ship was lost at"',
    )

    words: Annotated[Positional[tuple[str, ...]], arg(metavar="[MODEL] [TEXT]")] = ()
    """The model and the text."""
    word: Annotated[str | None, arg(metavar="WORD")] = None
    """The word that would follow; the likeliest unless given."""
    how: Literal["zero", "mean"] = "zero"
    """Say nothing, or the same at every token: its mean over the text."""
    top: Annotated[int, arg(metavar="N")] = 12
    """How many parts to show, those that matter most."""

    def __post_init__(self) -> None:
        """Refuse a list without entries."""
        super().__post_init__()
        if self.top < 1:
            raise UsageError(f"--top {self.top} is not allowed: must be ≥ 1")


def main(options: Ablate) -> None:
    """Sweep, and print what matters most."""
    from glassgpt.interpret import attribute, effect

    looked = look(options.words, options)
    trace, out = looked.trace, looked.out
    likeliest = int(trace.logits(options.pos).argmax())
    word = a_word(options.word, looked.lm.tokenizer, "--word") if options.word else likeliest
    found, direct = _swept(options, looked, word), attribute(trace, word, options.pos)
    options.draw(_drawing(found, direct, looked))
    changed = effect(looked.clean, trace, options.pos) if options.do else None
    if options.json:
        tables = {name: getattr(found, name).tolist() for name in ("heads", "mlps", "heads_kl", "mlps_kl")} | {
            "direct_heads": direct.heads.tolist(),
            "direct_mlps": direct.mlps.tolist(),
        }
        facts = {"word": {"text": trace.spell(word), "id": word}, "how": options.how}
        out.json("ablate", {**looked.facts(options.pos), **facts, **({"kl": changed.kl} if changed else {}), **tables})
        return
    if changed:
        out.result(f"{changed.describe()}\n")
    out.result(f"{found.describe()}\n")
    parts = dict(direct.parts())
    kl = _by_name(found)
    ranked = sorted(found.ranked(), key=lambda part: -abs(part[1]))[: options.top]
    rows = [[name, f"{value:+.3f}", f"{parts[name]:+.3f}", f"{kl[name]:.3f}"] for name, value in ranked]
    show_table(out, ["silent", "total", "direct", "KL"], rows)


def _swept(options: Ablate, looked: Looked, word: int) -> "Sweep":
    """The sweep, with a bar if it takes long."""
    from glassgpt.interpret.sweep import LayerSweep, gather, sweep_layers

    layers = looked.trace.config.n_layers
    start, found = time.monotonic(), list[LayerSweep]()
    with progress(looked.out) as report:
        for done, one in enumerate(sweep_layers(looked.trace, word, options.pos, options.how), start=1):
            found.append(one)
            if time.monotonic() - start > 2:
                report("layers silenced", done, layers)
    return gather(looked.trace, word, options.pos, options.how, found)


def _by_name(found: "Sweep") -> dict[str, float]:
    """KL of each part."""
    import numpy as np

    heads = {f"head {layer}.{head}": float(value) for (layer, head), value in np.ndenumerate(found.heads_kl)}
    return heads | {f"mlp {layer}": float(value) for layer, value in enumerate(found.mlps_kl)}


def _drawing(found: "Sweep", direct: "Attribution", looked: Looked) -> str:
    """Total and direct effects, side by side: a row for each layer, its network last."""
    import numpy as np

    total = np.column_stack([-found.heads, -found.mlps])
    straight = np.column_stack([direct.heads, direct.mlps])
    names = [str(layer) for layer in range(len(total))], [*map(str, range(total.shape[1] - 1)), "mlp"]
    tables = [
        Table(name, table / max(float(np.abs(table).max()), 1e-9), *names)
        for name, table in (("lost without it", total), ("said directly", straight))
    ]
    title = f"{looked.lm.name}: what {looked.trace.spell(found.word)} needs"
    return heat_map(title, tables, found.describe(), across=2)
