"""`glassgpt quantize`: a model in, the same model in integers out, and what that cost."""

import shutil
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from tyro.conf import Positional, arg

from glassgpt.cli.bars import size
from glassgpt.cli.open_model import no_collection, open_model
from glassgpt.cli.options import Kernels, Place, Talk, UsageError
from glassgpt.cli.progress import Report, progress
from glassgpt.cli.terminal import Terminal
from glassgpt.errors import CheckpointError

if TYPE_CHECKING:
    from torch import Tensor

    from glassgpt.language_model import LanguageModel
    from glassgpt.quantize import Quantized, Scheme

HELD_BACK = 8
"""One text in so many is not shown to the quantizer, but judged afterwards."""


@dataclass(frozen=True, kw_only=True)
class Quantize(Talk):
    """Write a model in integers: a quarter or an eighth of the size of float32, and as much faster to read.

    OUT is a folder that load, generate and all other verbs take as a model. Matrices become int8 with a scale for each
    output, or int4 with one for each 32 inputs; normalisations and biases stay as they are. The last line says what
    that costs, on texts that were held back.
    """

    EXAMPLES: ClassVar = (
        "glassgpt quantize embedded --scheme int8 --out small",
        "glassgpt quantize embedded --scheme int4 --out smaller --texts 16",
        "glassgpt quantize embedded --out plain --method nearest --json",
    )

    model: Annotated[Positional[str], arg(metavar="MODEL")] = "embedded"
    """A folder, a run, a file, or a name such as gpt2."""
    out: Annotated[Path, arg(metavar="FOLDER")]
    """The folder to write."""
    scheme: Literal["int8", "int4"] = "int4"
    """Format of the matrices in the blocks."""
    head: Literal["auto", "int8", "int4", "float"] = "auto"
    """Format of the last matrix, which may be the token embedding too; auto is int8, float leaves it."""
    method: Literal["auto", "nearest", "clip", "gptq"] = "auto"
    """Round to nearest; to nearest with the best scale; or so that later weights make up for errors (auto)."""
    balance: Literal["auto", "yes", "no"] = "auto"
    """Whether large inputs are scaled down, and their weights up, before rounding."""
    calibration: Annotated[Path | None, arg(metavar="FILE")] = None
    """Texts that show what inputs look like: .txt, .jsonl or .csv; without one the model writes some."""
    texts: Annotated[int, arg(metavar="N")] = 64
    """How many pieces of text, of up to 512 tokens each, to calibrate by."""
    seed: Annotated[int, arg(metavar="N")] = 0
    """Of the texts that the model writes."""
    threads: Annotated[int, arg(metavar="N")] = 0
    """CPU threads; 0 takes PyTorch's choice."""
    overwrite: bool = False
    """Replace OUT if it exists; without this it must not."""

    def __post_init__(self) -> None:
        """Refuse counts that are none."""
        if not 2 <= self.texts <= 4096:
            raise UsageError(f"--texts {self.texts} is not allowed: must be from 2 to 4096")


def main(options: Quantize) -> None:
    """Look, quantize, write, judge."""
    out, start = Terminal(options), time.perf_counter()
    scheme = _scheme(options)
    target = options.out.expanduser()
    lm = open_model(options.model, Place(device="cpu", dtype="float32", threads=options.threads), out, Kernels())
    _check(lm, target, options)
    with progress(out) as report:
        seen, judged = _texts(lm, scheme, options, report)
        found = _quantize(lm, scheme, seen, report)
        costs = _judge(lm, found, judged, report)
    _save(lm, found, target, options, int(seen.numel()))
    total = sum(file.stat().st_size for file in target.rglob("*") if file.is_file())
    if options.json:
        seconds = round(time.perf_counter() - start, 2)
        facts = {"out": str(target), "bytes": total, "scheme": asdict(scheme), **costs, "seconds": seconds}
        out.json("quantize", facts)
        return
    out.result(f"{target}: {size(total)}, {scheme.body} with a head of {scheme.head}")
    bits, more = costs["bits_per_token"], costs["bits_per_token_more"]
    where = "texts held back" if options.calibration else "texts of its own that were held back"
    out.result(
        f"cost on {judged.numel():,} tokens of {where}: {bits:.4f} → {bits + more:.4f} bits a token, "
        f"divergence {costs['divergence']:.4f} nats, same likeliest token {100 * costs['agreement']:.1f} %"
    )


def _scheme(options: Quantize) -> "Scheme":
    with no_collection():
        from glassgpt.quantize import SCHEMES

    scheme = SCHEMES[options.scheme]
    if options.head != "auto":
        scheme = replace(scheme, head=options.head)
    if options.method != "auto":
        scheme = replace(scheme, method=options.method, balance=False)
    return scheme if options.balance == "auto" else replace(scheme, balance=options.balance == "yes")


def _check(lm: "LanguageModel", target: Path, options: Quantize) -> None:
    """Before any work is done: may the folder be written, and is there room?"""
    from glassgpt.model import parameter_count

    if target.exists() and not options.overwrite and (not target.is_dir() or any(target.iterdir())):
        raise CheckpointError(f"{target} exists already. Choose another folder, or say --overwrite.")
    parent = next(folder for folder in target.absolute().parents if folder.exists())
    needed, free = 2 * parameter_count(lm.config), shutil.disk_usage(parent).free
    if free < needed:
        raise CheckpointError(f"{parent} has {size(free)} left, and {size(needed)} may be needed. Make room there.")


def _texts(lm: "LanguageModel", scheme: "Scheme", options: Quantize, report: Report) -> "tuple[Tensor, Tensor]":
    """Those to calibrate by, where that is needed, and those held back."""
    from glassgpt.cli.calibration import calibration_texts

    back = max(1, options.texts // HELD_BACK)
    count = options.texts if scheme.needs_text else back
    ids = calibration_texts(lm, options.calibration, count, options.seed, report)
    back = min(back, max(1, len(ids) - 1))
    return ids[:-back], ids[-back:]


def _quantize(lm: "LanguageModel", scheme: "Scheme", ids: "Tensor | None", report: Report) -> "Quantized":
    from glassgpt.quantize import quantize

    ids = ids if scheme.needs_text else None
    return quantize(lm.model, scheme, ids, report=lambda done, goal: report("matrices", done, goal))


def _judge(lm: "LanguageModel", found: "Quantized", ids: "Tensor", report: Report) -> dict[str, float]:
    from glassgpt.evaluate import compare

    difference = compare(lm.model, found.model, ids, report=lambda done, goal: report("judging: texts", done, goal))
    return {
        "bits_per_token": round(difference.bits, 6),
        "bits_per_token_more": round(difference.more_bits, 6),
        "divergence": round(difference.divergence, 6),
        "agreement": round(difference.agreement, 6),
    }


def _save(lm: "LanguageModel", found: "Quantized", target: Path, options: Quantize, tokens: int) -> None:
    from glassgpt.checkpoints import Quantization, save_quantized, weights_hash

    calibration = str(options.calibration.name) if options.calibration else "texts written by the model"
    made: dict[str, object] = {
        "method": found.scheme.method,
        "balance": found.scheme.balance,
        "group_size": 32,
        "calibration": {"texts": calibration, "tokens": tokens} if found.scheme.needs_text else None,
        "source": {"name": lm.name, "weights_sha256": weights_hash(lm.model)},
    }
    settings = Quantization(found.scheme.body, found.scheme.head, made)
    save_quantized(found.model, found.integers, settings, target, tokenizer=lm.tokenizer, overwrite=options.overwrite)
