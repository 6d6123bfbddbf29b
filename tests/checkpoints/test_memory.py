"""Loading costs the memory of the model, once."""

import subprocess
import sys

import pytest
import torch

from glassgpt.checkpoints import save_model
from glassgpt.checkpoints.openai import write_model
from glassgpt.model import GPT2, GPT2Config

pytestmark = pytest.mark.slow

MEASURE = """
import resource, sys
from pathlib import Path
import torch
from glassgpt.checkpoints.assemble import assemble
from glassgpt.checkpoints.contents import survey_place
from glassgpt.checkpoints.places import locate

torch.set_num_threads(1)

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

def load(folder):
    return assemble(survey_place(locate(folder)))

modules = len(sys.modules)
load(sys.argv[1])
modules = len(sys.modules) - modules
before = peak()
model = load(sys.argv[2])
print(peak() - before, modules)
"""


def sized(layers, width):
    """A model of empty weights, made without drawing random numbers."""
    config = GPT2Config(vocab_size=300, context_length=64, emb_dim=width, n_heads=2, n_layers=layers)
    with torch.device("meta"):
        model = GPT2(config)
    return model.to_empty(device="cpu").requires_grad_(False)


@pytest.mark.parametrize("to", ["hf", "openai"])
def test_loading_peaks_just_above_the_size_of_the_file(tmp_path, to):
    for name, model in {"small": sized(1, 8), "large": sized(5, 1024)}.items():
        for parameter in model.parameters():
            parameter.zero_()
        if to == "hf":
            save_model(model, tmp_path / name)
        else:
            (tmp_path / name).mkdir()
            write_model(model, tmp_path / name)
        del model
    size = sum(path.stat().st_size for path in (tmp_path / "large").iterdir())
    assert size > 200_000_000
    program = [sys.executable, "-c", MEASURE, tmp_path / "small", tmp_path / "large"]
    done = subprocess.run(program, capture_output=True, text=True, timeout=250)
    assert done.returncode == 0, done.stderr
    grown, modules = map(int, done.stdout.split())
    assert modules < 20  # PyTorch has 800 that it loads when asked for random numbers of no memory
    assert grown / size < 1.15
