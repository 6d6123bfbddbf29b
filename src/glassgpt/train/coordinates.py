"""The coordinate check: how large activations are after some steps, at several widths.

Yang, Hu et al. 2022, appendix D.1: where a parametrisation is right, every activation stays of one size as the model
widens; where it is wrong, some grow or shrink by a power of the width, and the learning rate must be tuned anew.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from glassgpt.data import Batch
from glassgpt.model import GPT2, GPT2Config
from glassgpt.train.learner import learner
from glassgpt.train.recipe import Recipe
from glassgpt.train.settings import Optimizer, Schedule

VOCABULARY, CONTEXT, ROWS, HEAD = 64, 32, 8, 32


@dataclass(frozen=True, slots=True)
class Coordinates:
    """Root mean square of the activations of one width."""

    width: int
    attention: float
    """What the last block's attention adds to the residual stream."""
    mlp: float
    """What its feed-forward network adds."""
    stream: float
    """The residual stream above it."""
    logits: float


NAMES = ("attention", "mlp", "stream", "logits")


def check(
    optimizer: Optimizer,
    widths: Sequence[int] = (64, 128, 256, 512),
    *,
    steps: int = 10,
    layers: int = 2,
    seed: int = 0,
) -> list[Coordinates]:
    """Train a small model of each width for some steps on one batch of random tokens, all alike but for the width."""
    return [_after(_recipe(optimizer, width, steps, layers, seed)) for width in widths]


def spread(found: Sequence[Coordinates], name: str) -> float:
    """The largest over the smallest: 1 is flat; muP keeps within 2."""
    values = [getattr(each, name) for each in found]
    return max(values) / min(values)


def _recipe(optimizer: Optimizer, width: int, steps: int, layers: int, seed: int) -> Recipe:
    shape = GPT2Config(
        vocab_size=VOCABULARY,
        context_length=CONTEXT,
        emb_dim=width,
        n_heads=max(1, width // HEAD),
        n_layers=layers,
        drop_rate=0.0,
    )
    schedule = Schedule(shape="constant", warmup_steps=0)
    return Recipe(
        model=shape,
        steps=steps,
        rows=ROWS,
        micro_rows=ROWS,
        precision="float32",
        seed=seed,
        optimizer=replace(optimizer, clip=0.0),
        schedule=schedule,
    )


def _after(recipe: Recipe) -> Coordinates:
    trial = learner(recipe, "cpu")
    generator = torch.Generator().manual_seed(recipe.seed)
    ids = torch.randint(VOCABULARY, (ROWS, CONTEXT + 1), generator=generator)
    batch = Batch(ids[:, :-1], ids[:, 1:])
    for step in range(recipe.steps):
        trial.step(step, batch, 1.0)
    return _measure(trial.model, batch)


@torch.no_grad()
def _measure(model: GPT2, batch: Batch) -> Coordinates:
    """Read the batch once more and listen at four places."""
    heard: dict[str, float] = {}

    def listen(name: str, module: nn.Module) -> None:
        def hear(module: nn.Module, given: object, out: Tensor) -> None:
            heard[name] = _size(out)

        module.register_forward_hook(hear)

    last = model.h[-1]
    for name in ("attn", "mlp"):
        listen(name, last.get_submodule(name))
    listen("stream", last)
    logits = _size(model(batch.ids))
    return Coordinates(model.config.emb_dim, heard["attn"], heard["mlp"], heard["stream"], logits)


def _size(values: Tensor) -> float:
    return values.square().mean().sqrt().item()
