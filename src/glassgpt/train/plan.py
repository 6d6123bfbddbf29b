"""Recipe in, what the run will cost out, without running it: parameters, arithmetic, memory, time.

Parameters and arithmetic are counted. Activations and time depend on how PyTorch does its work, so they are measured
where that is cheap, on a model of one and of two layers, and carried on in a straight line to all of them.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from glassgpt.data import Batch
from glassgpt.device import resolve
from glassgpt.model import parameter_count, tally
from glassgpt.model.cost import forward_flops
from glassgpt.train.learner import Learner, learner
from glassgpt.train.recipe import Recipe

FLOAT32, BFLOAT16 = 4, 2
PROBED_TOKENS = 2_048
"""How many tokens time is measured on."""


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes at the fullest moment of a step, by what they hold; the program itself, some 300 MB, is not in it."""

    weights: int
    gradients: int
    optimizer: int
    average: int
    """The averaged weights, where `ema` keeps them."""
    activations: int
    """What the way back needs from the way there, and makes in one layer, for the rows computed at once."""
    loss: int
    """Logits, and what is made of them."""

    @property
    def total(self) -> int:
        """All of them."""
        return self.weights + self.gradients + self.optimizer + self.average + self.activations + self.loss


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run will cost."""

    parameters: int
    tokens: int
    """Read in all steps."""
    epochs: float
    """How often that reads the data."""
    flops: float
    """Of the matrices, there and back."""
    memory: Memory
    seconds: float
    """Of steps alone, uncompiled, on this machine as it is now; evaluations and checkpoints come on top."""


def plan(recipe: Recipe, data_tokens: int, device: str = "auto") -> Plan:
    """Reckon and measure; takes some seconds for a large model."""
    tokens = recipe.steps * recipe.tokens_per_step
    # A backward pass is two forward passes; an average token sees half a context.
    flops = (4 if recipe.recompute else 3) * forward_flops(recipe.model, recipe.model.context_length // 2) * tokens
    return Plan(
        parameters=parameter_count(recipe.model),
        tokens=tokens,
        epochs=tokens / data_tokens,
        flops=float(flops),
        memory=memory(recipe),
        seconds=recipe.steps * step_seconds(recipe, device),
    )


def memory(recipe: Recipe) -> Memory:
    """Reckon weights and optimizer, count activations."""
    config, optimizer = recipe.model, recipe.optimizer
    parameters = parameter_count(config)
    block_matrices = sum(t.count for t in tally(config) if t.name.startswith("h.") and len(t.shape) == 2)
    remembered = 2 * parameters - (block_matrices if optimizer.method == "muon" else 0)
    copies = BFLOAT16 * parameters if recipe.precision == "bfloat16_weights" else 0
    averages = optimizer.ema > 0 or optimizer.method == "schedule_free"
    return Memory(
        weights=FLOAT32 * parameters + copies,
        gradients=FLOAT32 * parameters,
        optimizer=FLOAT32 * remembered,
        average=FLOAT32 * parameters if averages else 0,
        activations=_activations(recipe),
        loss=_loss(recipe),
    )


def step_seconds(recipe: Recipe, device: str = "auto") -> float:
    """Seconds of one step: the way there and back, and the update, each measured on one and on two layers."""
    rows = max(1, min(recipe.micro_rows, recipe.rows, PROBED_TOKENS // recipe.model.context_length))
    reading: list[float] = []
    updating: list[float] = []
    for layers in (1, 2):
        trial = learner(_small(recipe, layers, rows), device)
        batch = _batch(trial, rows)
        trial.step(0, batch, 0.0)  # what is set up once is set up here
        updating.append(_fastest(lambda trial=trial: _update(trial)))
        reading.append(_fastest(lambda trial=trial, batch=batch: trial.step(1, batch, 0.0)) - updating[-1])
    layers = recipe.model.n_layers
    return _line(reading, layers) * recipe.rows / rows + _line(updating, layers)


def _activations(recipe: Recipe) -> int:
    """Bytes that autograd keeps, counted at one and two layers and rows: linear in both, and in their product."""
    counted = {(layers, rows): _kept(recipe, layers, rows) for layers in (1, 2) for rows in (1, 2)}
    rows = min(recipe.rows, recipe.micro_rows)
    by_rows = [_line([counted[layers, 1], counted[layers, 2]], rows) for layers in (1, 2)]
    widest = rows * recipe.model.context_length * recipe.model.mlp_width * FLOAT32
    return round(_line(by_rows, recipe.model.n_layers)) + 2 * widest  # gradients on the way back, one layer at a time


def _kept(recipe: Recipe, layers: int, rows: int) -> int:
    """Bytes that autograd keeps of one forward pass, each storage once, weights not counted."""
    shape = _small(recipe, layers, rows)
    shape = replace(shape, model=replace(shape.model, vocab_size=8))  # the head is reckoned apart
    trial = learner(shape, "cpu")
    own = {weight.untyped_storage().data_ptr() for weight in trial.worker.copy.parameters()}
    kept: dict[int, int] = {}

    def pack(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        loss = trial.worker.loss_sum(_batch(trial, rows))
    del loss
    return sum(kept.values())


def _loss(recipe: Recipe) -> int:
    """Logits and their slope; with chunks those of one, and what is made on the way of the two gradients."""
    tokens = min(recipe.rows, recipe.micro_rows) * recipe.model.context_length
    vocabulary, width = recipe.model.vocab_size, recipe.model.emb_dim
    narrow = FLOAT32 if recipe.precision == "float32" else BFLOAT16
    if recipe.loss_rows == 0:
        return tokens * vocabulary * (narrow + 2 * FLOAT32)
    chunk = min(tokens, recipe.loss_rows) * vocabulary * (narrow + FLOAT32)
    return chunk + tokens * width * narrow + vocabulary * width * 2 * narrow


def _small(recipe: Recipe, layers: int, rows: int) -> Recipe:
    """Uncompiled: compiling would take longer than the answer is worth."""
    return replace(recipe, model=replace(recipe.model, n_layers=layers), rows=rows, micro_rows=rows, compile=False)


def _batch(trial: Learner, rows: int) -> Batch:
    place = resolve(str(trial.model.wte.weight.device)).device
    ids = torch.zeros((rows, trial.recipe.model.context_length), dtype=torch.long, device=place)
    return Batch(ids, ids)


def _update(trial: Learner) -> None:
    for weight in trial.model.parameters():
        weight.grad = torch.zeros_like(weight)
    trial.updater.step(0.0)


def _fastest(run: Callable[[], object], times: int = 2) -> float:
    """Seconds of the fastest of a few runs: what disturbs only slows."""
    found = []
    for _ in range(times):
        began = time.perf_counter()
        run()
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        found.append(time.perf_counter() - began)
    return min(found)


def _line(values: Sequence[int | float], at: int) -> float:
    """The straight line through the values at 1 and 2."""
    return float(values[0] + (at - 1) * max(0, values[1] - values[0]))
