"""`convert`: one format in, another out, and the result read back before it counts."""

from pathlib import Path
from typing import Literal

import torch

from glassgpt.checkpoints import hugging_face, openai
from glassgpt.checkpoints.assemble import assemble
from glassgpt.checkpoints.atomic import new_folder
from glassgpt.checkpoints.contents import survey_place
from glassgpt.checkpoints.places import Place, locate
from glassgpt.checkpoints.safetensors_file import raw_bytes
from glassgpt.checkpoints.survey import Survey
from glassgpt.checkpoints.tokenizer_files import has_tokenizer, load_tokenizer
from glassgpt.errors import CheckpointError, InvalidParameter
from glassgpt.model import GPT2

Format = Literal["hf", "openai"]


def convert(
    source: str | Path,
    target: str | Path,
    to: Format = "hf",
    *,
    dtype: torch.dtype | None = None,
    overwrite: bool = False,
    offline: bool | None = None,
) -> None:
    """Rewrite the model `source` (anything `load_model` takes) as the folder `target`.

    `dtype` None keeps the numbers as they are. The folder appears only after it was read back and every number in it
    was found equal to the one in memory.
    """
    if to not in ("hf", "openai"):
        raise InvalidParameter("to", to, "must be hf or openai")
    if to == "openai" and dtype not in (None, torch.float32):
        raise InvalidParameter("dtype", dtype, "OpenAI's files hold float32")
    place = locate(source, offline=offline)
    model = assemble(survey_place(place), dtype=dtype)
    tokenizer = load_tokenizer(place) if has_tokenizer(place) else None
    with new_folder(target, replace=overwrite) as folder:
        if to == "hf":
            hugging_face.write_model(model, folder, tokenizer=tokenizer)
        else:
            openai.write_model(model, folder, tokenizer=tokenizer)
        _need_equal(model, survey_place(Place("written", folder)))


def _need_equal(model: GPT2, written: Survey) -> None:
    numbers = model.state_dict()
    for name, tensor in written.tensors():
        if name in numbers and raw_bytes(tensor) != raw_bytes(numbers[name].to(tensor.dtype)):
            raise CheckpointError(f"{name} was not written as it is in memory: the disk or the memory may be failing.")
