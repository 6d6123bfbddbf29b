"""`glassgpt info`: a model's shape, where every parameter is, and what it costs."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

from tyro.conf import Positional, arg

from glassgpt.cli.bars import OPERATIONS, bar, padding, percent, size
from glassgpt.cli.open_model import no_collection
from glassgpt.cli.options import Talk
from glassgpt.cli.terminal import Terminal
from glassgpt.errors import ModelNotFound

if TYPE_CHECKING:
    from glassgpt.model import GPT2Config

PUBLISHED = {"gpt2": "small", "gpt2-medium": "medium", "gpt2-large": "large", "gpt2-xl": "xl"}
PARTS = {
    "wte.": "token embedding",
    "wpe.": "position embedding",
    "attn.": "attention",
    "mlp.": "feed-forward",
    "ln_": "normalisation",
    "lm_head.": "output head",
}
REPEATED = (PARTS["attn."], PARTS["mlp."])
BAR, WIDEST = 30, 40


@dataclass(frozen=True, kw_only=True)
class Info(Talk):
    """Show a model's shape, where every parameter is, and what it costs in memory and arithmetic.

    The published sizes (gpt2, or small, medium, large, xl) are explained even where their weights are absent.
    """

    EXAMPLES: ClassVar = ("glassgpt info", "glassgpt info gpt2-xl", "glassgpt info small --tensors")

    model: Annotated[Positional[str], arg(metavar="MODEL")] = "embedded"
    """A folder, a run, a name such as gpt2, or a size."""
    tensors: bool = False
    """List every tensor with its name and shape."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What is described: a name, a shape, and its folder if the weights are here."""

    name: str
    config: "GPT2Config"
    folder: Path | None


def main(options: Info) -> None:
    """Print the description."""
    out = Terminal(options)
    with no_collection():
        import glassgpt.model  # noqa: F401  the one slow import of this verb
    subject = _find(options.model)
    if subject.folder is None:
        out.talk(f"The weights of {subject.name} are not on this machine: this is the shape they have.")
    if options.json:
        out.json("info", _facts(subject, options))
        return
    for line in (*_shape(subject, out), *_places(subject.config, options.tensors, out), *_costs(subject, out)):
        out.result(line)


def _find(name: str) -> Subject:
    """The model under this name; a published size without weights is its shape alone."""
    from glassgpt.checkpoints import find, read_config
    from glassgpt.model import SIZES

    published = PUBLISHED.get(name, name)
    if name in SIZES:
        return Subject(f"GPT-2 {name}", SIZES[name], None)
    try:
        folder = find(name, offline=True)  # a description is not worth a download
    except ModelNotFound:
        if published not in SIZES:
            raise
        return Subject(name, SIZES[published], None)
    return Subject(name, read_config(folder), folder)


def _shape(subject: Subject, out: Terminal) -> Iterator[str]:
    from glassgpt.model import parameter_count

    c = subject.config
    yield f"{out.paint(subject.name, 'bold')}: {parameter_count(c):,} parameters"
    yield ""
    yield f"  {c.n_layers} blocks of {c.n_heads} attention heads, {c.head_dim} wide each"
    yield f"  {c.emb_dim:,} numbers for each token, {c.mlp_width:,} inside the feed-forward networks"
    yield f"  {c.vocab_size:,} different tokens, {c.context_length:,} of them seen at once"
    yield f"  head {'tied to the token embedding' if c.tie_embeddings else 'of its own'}"
    if subject.folder:
        yield f"  {subject.folder} ({size(_file_bytes(subject.folder))} of weights)"
        about = _card(subject.folder)
        if about:
            yield f"  {about}"


def _places(config: "GPT2Config", tensors: bool, out: Terminal) -> Iterator[str]:
    """Where the parameters are: a row for each kind, or for each tensor."""
    from glassgpt.model import tally

    rows = [(f"{each.name}  {'×'.join(map(str, each.shape))}", each.count) for each in tally(config)]
    blocks = f" in {config.n_layers} blocks"
    parts = {name + (blocks if name in REPEATED else ""): count for name, count in _by_part(config).items()}
    rows = rows if tensors else list(parts.items())
    total = sum(count for _, count in rows)
    yield ""
    yield out.paint("where the parameters are", "bold")
    for (name, count), space in zip(rows, padding([name for name, _ in rows], WIDEST), strict=True):
        share = count / total
        yield f"  {name}{space}  {count:>13,}  {percent(share)}  {out.paint(bar(share, BAR), 'cyan')}".rstrip()


def _by_part(config: "GPT2Config") -> dict[str, int]:
    from glassgpt.model import tally

    parts = dict.fromkeys(PARTS.values(), 0)
    for tensor in tally(config):
        mark = next(mark for mark in PARTS if mark in tensor.name)
        parts[PARTS[mark]] += tensor.count
    return {name: count for name, count in parts.items() if count}


def _costs(subject: Subject, out: Terminal) -> Iterator[str]:
    memory = _memory(subject.config)
    yield ""
    yield out.paint("what it costs", "bold")
    yield f"  weights      {size(memory['weights_float32'])} in float32, {size(memory['weights_bfloat16'])} in bfloat16"
    yield (
        f"  past         {size(memory['past_per_token_float32'])} for each token remembered, "
        f"{size(memory['past_full_float32'])} for a full window, in float32"
    )
    first, last = (size(memory[name], OPERATIONS) for name in ("flops_per_token", "flops_per_token_full"))
    yield f"  arithmetic   {first} for the first token, {last} for the last of a full window"


def _memory(config: "GPT2Config") -> dict[str, int]:
    from glassgpt.model.cost import forward_flops, past_bytes, storage_bytes

    return {
        "weights_float32": storage_bytes(config),
        "weights_bfloat16": storage_bytes(config, 2),
        "past_per_token_float32": past_bytes(config, 1),
        "past_full_float32": past_bytes(config, config.context_length),
        "flops_per_token": forward_flops(config, 1),
        "flops_per_token_full": forward_flops(config, config.context_length),
    }


def _facts(subject: Subject, options: Info) -> dict[str, object]:
    from glassgpt.model import parameter_count, tally

    folder = subject.folder
    facts: dict[str, object] = {
        "model": subject.name,
        "parameters": parameter_count(subject.config),
        "config": asdict(subject.config),
        "parts": _by_part(subject.config),
        "cost": _memory(subject.config),
        "path": str(folder) if folder else None,
        "file_bytes": _file_bytes(folder) if folder else None,
    }
    if options.tensors:
        facts["tensors"] = [{"name": t.name, "shape": t.shape, "count": t.count} for t in tally(subject.config)]
    return facts


def _file_bytes(folder: Path) -> int:
    files = [folder] if folder.is_file() else [*folder.glob("*.safetensors"), *folder.glob("model.ckpt.data*")]
    return sum(file.stat().st_size for file in files)


def _card(folder: Path) -> str:
    """The first sentence of a model card, if there is one."""
    card = folder / "README.md"
    if not card.is_file():
        return ""
    text = card.read_text(encoding="utf-8", errors="replace").removeprefix("---\n")
    body = text.partition("\n---\n")[2] or text
    lines = (line.strip() for line in body.splitlines())
    return next((line for line in lines if line and not line.startswith(("#", "!", "[", "|", "<", "-"))), "")[:200]
