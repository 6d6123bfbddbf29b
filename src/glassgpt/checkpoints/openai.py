"""To come: OpenAI's TensorFlow checkpoints."""

from pathlib import Path

import torch

from glassgpt.model import GPT2, GPT2Config


def read_config(folder: Path) -> GPT2Config:
    raise NotImplementedError


def load_folder(folder: Path, *, dtype: torch.dtype | None, device: torch.device | str) -> GPT2:
    raise NotImplementedError
