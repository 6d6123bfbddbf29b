"""`glassgpt convert`: rewrite a model in another format."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from tyro.conf import Positional, arg

from glassgpt.cli.bars import size
from glassgpt.cli.open_model import no_collection
from glassgpt.cli.options import Talk
from glassgpt.cli.terminal import Terminal


@dataclass(frozen=True, kw_only=True)
class Convert(Talk):
    """Rewrite a model in another format; the values stay the same unless --dtype rounds them.

    hf is a Hugging Face folder, which is also GlassGPT's own format. openai is the TensorFlow checkpoint of OpenAI's
    GPT-2 code.
    """

    EXAMPLES: ClassVar = (
        "glassgpt convert embedded copy",
        "glassgpt convert embedded as-openai --to openai",
        "glassgpt convert ./copy half --dtype bfloat16",
    )

    source: Annotated[Positional[str], arg(metavar="IN")]
    """A folder, a run, a file, or a name such as gpt2."""
    target: Annotated[Positional[Path], arg(metavar="OUT")]
    """The folder to write."""
    to: Literal["hf", "openai"] = "hf"
    """The format to write."""
    dtype: Literal["keep", "float32", "bfloat16", "float16"] = "keep"
    """The number format to write."""
    overwrite: bool = False
    """Replace OUT if it exists; without this it must not."""


def main(options: Convert) -> None:
    """Convert, and say where the result is."""
    with no_collection():
        from glassgpt.checkpoints import convert
        from glassgpt.device import dtype_of

    out = Terminal(options)
    target = options.target.expanduser()
    dtype = None if options.dtype == "keep" else dtype_of(options.dtype)
    convert(options.source, target, to=options.to, dtype=dtype, overwrite=options.overwrite)
    files = sorted(file for file in target.rglob("*") if file.is_file())
    total = sum(file.stat().st_size for file in files)
    if options.json:
        names = [file.relative_to(target).as_posix() for file in files]
        out.json("convert", {"out": str(target), "to": options.to, "bytes": total, "files": names})
    else:
        out.result(f"{target}: {len(files)} files, {size(total)}")
