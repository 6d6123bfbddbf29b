"""What a GPT-2 does by itself: how it starts, learns, hides the future, and computes one thing in two ways.

Each function measures one claim and returns a number. Tests hold the numbers to the tolerances of
`tests.oracle.ladder`; `benchmarks/fidelity.py` prints them.
"""

import math

import torch
from torch import Tensor

from glassgpt.data import Batch
from glassgpt.model import GPT2, SIZES, GPT2Config, initialize, parameter_count
from glassgpt.model.attend import Attend, explicit, fused
from glassgpt.train.optimizer import Updater
from glassgpt.train.recipe import Optimizer, Recipe
from glassgpt.train.step import train_step
from glassgpt.train.working import Worker, recompute_blocks
from tests.oracle.parity import farthest, gradient_error, next_token_loss
from tests.oracle.twins import Case, attentions, documents, ours, random_ids, random_weights

SMALL = GPT2Config(vocab_size=257, context_length=32, emb_dim=64, n_heads=4, n_layers=3, drop_rate=0.0)
WIDER = GPT2Config(vocab_size=1009, context_length=256, emb_dim=192, n_heads=6, n_layers=6)
PUBLISHED = {"small": 124_439_808, "medium": 354_823_168, "large": 774_030_080, "xl": 1_557_611_200}


# Rungs 6 to 8: how it starts, and that it learns


def initial_statistics(config: GPT2Config) -> float:
    """Mean and spread of each kind of matrix, in standard errors from OpenAI's values; the worst of them."""
    return max(error for std, values in by_initial_std(config).items() for error in standard_errors(values, std))


def by_initial_std(config: GPT2Config) -> dict[float, Tensor]:
    """All numbers that should start with one spread: token embedding and matrices, positions, residual projections."""
    matrices = {name: w for name, w in initialize(GPT2(config), seed=0).state_dict().items() if w.dim() == 2}
    positions = {"wpe.weight"}
    residual = {name for name in matrices if name.endswith("c_proj.weight")}
    kinds = {
        0.01: positions,
        0.02 / math.sqrt(2 * config.n_layers): residual,
        0.02: set(matrices) - positions - residual,
    }
    return {std: torch.cat([matrices[name].flatten().double() for name in names]) for std, names in kinds.items()}


def standard_errors(values: Tensor, std: float) -> tuple[float, float]:
    """How far the mean is from 0 and the spread from `std`, each in units of its own uncertainty."""
    count = values.numel()
    mean, spread = values.mean().item(), values.std().item()
    return abs(mean) / (std / math.sqrt(count)), abs(spread - std) / (std / math.sqrt(2 * count))


def expected_first_loss(config: GPT2Config) -> float:
    """ln V if all words were equally likely; the spread of the logits (variance D x 0.02²) adds half of itself."""
    return math.log(config.vocab_size) + config.emb_dim * 0.02**2 / 2


@torch.no_grad()
def first_loss(config: GPT2Config) -> float:
    """Of an untrained model, on tokens drawn evenly from the vocabulary."""
    model = initialize(GPT2(config), seed=0).eval()
    ids = random_ids(config, 4, min(128, config.context_length))
    return next_token_loss(model(ids), ids).item()


def overfitted_loss() -> float:
    """After 100 steps on one batch of noise."""
    config = GPT2Config(vocab_size=256, context_length=64, emb_dim=128, n_heads=4, n_layers=4, drop_rate=0.0)
    model = initialize(GPT2(config), seed=0)
    updater = Updater(dict(model.named_parameters()), Optimizer(lr=3e-3, weight_decay=0.0))
    ids = random_ids(config, 4, 64)
    for _ in range(100):
        next_token_loss(model(ids), ids).backward()
        updater.step(1.0)
    return next_token_loss(model(ids), ids).item()


# Rung 9: who can see whom


@torch.no_grad()
def leaks_from_the_future(attend: Attend) -> int:
    """How many logits change, in any bit, before the token that was changed."""
    model = with_attention(initialize(GPT2(SMALL), seed=0).eval(), attend)
    ids = random_ids(SMALL, 2, SMALL.context_length)
    before, leaks = model(ids), 0
    for t in range(ids.shape[1]):
        changed = ids.clone()
        changed[:, t] = (changed[:, t] + 1) % SMALL.vocab_size
        after = model(changed)
        assert not torch.equal(after[:, t], before[:, t]), "the changed token itself must matter"
        leaks += int((after[:, :t] != before[:, :t]).sum())
    return leaks


@torch.no_grad()
def leaks_between_documents(attend: Attend) -> int:
    """How many logits of one text change, in any bit, with the texts packed before and after it."""
    model = with_attention(initialize(GPT2(SMALL), seed=0).eval(), attend)
    ids = random_ids(SMALL, 2, 30)
    owner = torch.tensor([0] * 9 + [1] * 13 + [2] * 8).expand(2, -1)
    past, middle = documents(owner), owner[0] == 1
    changed = torch.where(owner == 1, ids, random_ids(SMALL, 2, 30, seed=2))
    return int((model(ids, past)[:, middle] != model(changed, past)[:, middle]).sum())


@torch.no_grad()
def packed_from_alone() -> float:
    """A text between others, against the same text alone."""
    model = initialize(GPT2(SMALL), seed=0).eval()
    ids = random_ids(SMALL, 2, 30)
    owner = torch.tensor([0] * 9 + [1] * 13 + [2] * 8).expand(2, -1)
    return farthest(model(ids, documents(owner))[:, 9:22], model(ids[:, 9:22]))


def with_attention(model: GPT2, attend: Attend) -> GPT2:
    for attention in attentions(model):
        attention.attend = attend
    return model


# Rung 10: how many numbers


def parameters_too_many() -> int:
    """Over the four published sizes: built on the meta device, and counted by arithmetic alone."""
    difference = 0
    for size, count in PUBLISHED.items():
        with torch.device("meta"):
            model = GPT2(SIZES[size])
        built = sum(parameter.numel() for parameter in model.parameters())
        difference += abs(built - count) + abs(parameter_count(SIZES[size]) - count)
    return difference


# Rung 11: the same run, for ever


def ten_losses(precision: str) -> list[float]:
    """Losses of ten updates from a frozen seed, through the trainer's own step."""
    recipe = Recipe(
        model=GPT2Config(vocab_size=257, context_length=64, emb_dim=96, n_heads=4, n_layers=4, drop_rate=0.0),
        steps=10,
        rows=4,
        micro_rows=2,
        optimizer=Optimizer(lr=1e-3),
        precision=precision,
    )
    model = initialize(GPT2(recipe.model), seed=0)
    worker, updater = Worker(model, recipe), Updater(dict(model.named_parameters()), recipe.optimizer)
    ids = random_ids(recipe.model, recipe.rows, 65)
    batch = Batch(ids[:, :-1], ids[:, 1:])
    return [train_step(worker, updater, batch, rate=1.0)[0].item() for _ in range(recipe.steps)]


# Rung 12: two ways to the same numbers


def explicit_from_fused(case: Case) -> tuple[float, float]:
    """Logits, and gradients relative to the largest of each tensor."""
    weights = random_weights(case.config)
    plain = with_attention(ours(case.config, weights, torch.float32), explicit)
    fast = with_attention(ours(case.config, weights, torch.float32), fused)
    ids = random_ids(case.config, case.rows, case.lengths[-1])
    for model in (plain, fast):
        next_token_loss(model(ids), ids).backward()
    with torch.no_grad():
        logits = farthest(plain(ids), fast(ids))
    return logits, relative_gradients(plain, fast)


def relative_gradients(a: GPT2, b: GPT2) -> float:
    return max(gradient_error(p, q) for p, q in zip(a.parameters(), b.parameters(), strict=True))


def recomputed_from_kept() -> float:
    """Gradients with each block's activations computed again on the way back."""
    ids = random_ids(SMALL, 2, SMALL.context_length)
    kept, recomputed = (initialize(GPT2(SMALL), seed=0) for _ in range(2))
    recompute_blocks(recomputed)
    for model in (kept, recomputed):
        next_token_loss(model(ids), ids).backward()
    return relative_gradients(recomputed, kept)


@torch.no_grad()
def bfloat16_from_float32(case: Case) -> float:
    """Logits under autocast."""
    model = ours(case.config, random_weights(case.config), torch.float32)
    ids = random_ids(case.config, case.rows, case.lengths[-1])
    with torch.autocast("cpu", dtype=torch.bfloat16):
        half = model(ids)
    return farthest(half, model(ids))


@torch.no_grad()
def compiled_from_eager() -> float:
    """Logits of `torch.compile`; needs a C++ compiler, and no run-time shape checks in the way."""
    model = initialize(GPT2(SMALL), seed=0).eval()
    ids = random_ids(SMALL, 2, SMALL.context_length)
    return farthest(torch.compile(model, fullgraph=True)(ids), model(ids))
