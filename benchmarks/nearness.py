"""How near the native kernels' logits are to PyTorch's in float32, at every position, as a Markdown table.

    python benchmarks/nearness.py [--models embedded small]

A text as long as the model sees is read in pieces of 100 tokens and token by token. The distance is the root mean
square of the difference of logits over their standard deviation: of all positions together, and of the worst one.
"small" is GPT-2 small with random weights, which takes minutes. The tests hold the same figures to their limits.
"""

import argparse
import sys
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # for `tests`, which is not installed

from glassgpt.engine import NativeBackend, TorchBackend
from glassgpt.engine.native_backend import ANYWHERE, TOLERANCE
from glassgpt.model import GPT2, SIZES, initialize
from tests.engine.nearness import nearness

TEXT = "It was a dark night, and the captain said that he would not go. "


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", choices=("embedded", "small"), default=["embedded"])
    options = parser.parse_args()
    print("| model | weights | whole text | allowed | worst position | allowed |\n|---|---|---:|---:|---:|---:|")
    for name in options.models:
        model, text = load(name)
        reference = TorchBackend(model)
        for weights in TOLERANCE:
            found = nearness(NativeBackend.of(model, weights=weights), reference, text, 100)
            figures = (found.whole, TOLERANCE[weights], found.worst, ANYWHERE[weights])
            print(f"| {name} | {weights} | {' | '.join(f'{figure:.2g}' for figure in figures)} |", flush=True)


def load(name: str) -> tuple[GPT2, list[int]]:
    """A float32 model, and a text that fills what it sees."""
    if name == "small":
        model = initialize(GPT2(SIZES["small"]), seed=0).eval()
        generator = torch.Generator().manual_seed(7)
        return model, torch.randint(
            model.config.vocab_size, (model.config.context_length,), generator=generator
        ).tolist()
    from glassgpt.checkpoints import load_model

    loaded = load_model("embedded")
    return loaded.model, loaded.tokenizer.encode(TEXT * 100)[: loaded.model.config.context_length]


if __name__ == "__main__":
    main()
