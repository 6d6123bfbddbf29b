"""Hugging Face transformers with its own cache, on PyTorch."""

from collections.abc import Sequence
from pathlib import Path

import torch
from transformers import DynamicCache, GPT2LMHeadModel

from writers import Ids


class TransformersWriter:
    """The plain loop, without what `generate` does around it."""

    def __init__(self, model: GPT2LMHeadModel) -> None:
        self.model = model

    @torch.inference_mode()
    def write(self, prompts: Sequence[Ids], count: int) -> list[Ids]:
        """All rows in one batch."""
        ids, cache, written = torch.tensor(prompts), DynamicCache(), []
        for _ in range(count):
            logits = self.model(ids, past_key_values=cache, use_cache=True, logits_to_keep=1).logits
            ids = logits[:, -1].argmax(-1, keepdim=True)
            written.append(ids)
        return torch.cat(written, dim=1).tolist()


def prepare(source: Path, target: Path, form: str) -> None:
    """It reads the folder as it is."""


def open_writer(place: Path, form: str, threads: int) -> TransformersWriter:
    """`form` is the type of the weights."""
    torch.set_num_threads(threads)
    return TransformersWriter(GPT2LMHeadModel.from_pretrained(place, dtype=getattr(torch, form)).eval())
