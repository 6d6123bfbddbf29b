"""How far our GPT-2 is from others with the same weights: each function measures one difference in one shape.

The others are transformers' GPT2LMHeadModel and the NumPy oracle. Tests hold the numbers to the tolerances of
`tests.oracle.ladder`; `benchmarks/fidelity.py` prints them.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace

import torch
from torch import Tensor
from torch.nn import functional as F

from glassgpt.model import GPT2
from glassgpt.train.optimizer import Updater
from glassgpt.train.recipe import Optimizer
from tests.oracle import numpy_gpt2
from tests.oracle.twins import Case, hf_config, ours, padded, pairs, random_ids, random_weights, theirs


def farthest(a: Tensor, b: Tensor) -> float:
    """The largest difference of two numbers at one place."""
    return (a.double() - b.double()).abs().max().item()


def batches(case: Case) -> Iterator[Tensor]:
    return (random_ids(case.config, case.rows, length) for length in case.lengths)


# Rung 1: the same logits


@torch.no_grad()
def logits_from_transformers(case: Case, dtype: torch.dtype, attention: str = "sdpa") -> float:
    weights = random_weights(case.config)
    mine, other = ours(case.config, weights, dtype, attention), theirs(case.config, weights, dtype, attention)
    return max(farthest(mine(ids), other(ids).logits) for ids in batches(case))


@torch.no_grad()
def logits_from_numpy(case: Case, dtype: torch.dtype) -> float:
    """The oracle computes in float64, with weights rounded to `dtype`."""
    mine = ours(case.config, weights := random_weights(case.config), dtype)
    rounded = {name: torch.tensor(w, dtype=dtype).double().numpy() for name, w in weights.items()}
    shape = hf_config(case.config).to_dict()
    return max(
        farthest(mine(ids), torch.from_numpy(numpy_gpt2.logits(rounded, shape, ids.numpy()))) for ids in batches(case)
    )


@torch.no_grad()
def logits_of_padded_rows(case: Case, dtype: torch.dtype) -> float:
    """Rows padded on the left by different amounts, with positions and a mask, at every real token."""
    weights = random_weights(case.config)
    mine, other = ours(case.config, weights, dtype), theirs(case.config, weights, dtype)
    ids = random_ids(case.config, 4, length := min(12, case.config.context_length))
    real = torch.arange(length) >= torch.tensor([0, 1, 5, 11])[:, None]
    positions = (real.long().cumsum(-1) - 1).clamp_min(0)
    expected = other(ids, attention_mask=real.long(), position_ids=positions).logits
    return farthest(mine(ids, padded(real))[real], expected[real])


@torch.no_grad()
def logits_under_dropout(case: Case) -> float:
    """In training mode, from one seed: both drop the same numbers at the same places."""
    config = replace(case.config, drop_rate=0.2)
    weights = random_weights(config)
    pair = [build(config, weights, torch.float32, "eager").train() for build in (ours, theirs)]
    ids = random_ids(config, case.rows, case.lengths[-1])
    results = []
    for model in pair:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(5)
            answer = model(ids)
            results.append(answer if isinstance(answer, Tensor) else answer.logits)
    return farthest(*results)


# Rungs 2 and 3: the same gradients, the same steps


def next_token_loss(logits: Tensor, ids: Tensor) -> Tensor:
    return F.cross_entropy(logits[:, :-1].flatten(0, 1), ids[:, 1:].flatten())


def gradients(case: Case, dtype: torch.dtype) -> float:
    """Farthest gradient, relative to the largest of its tensor."""
    weights = random_weights(case.config)
    mine, other = ours(case.config, weights, dtype), theirs(case.config, weights, dtype)
    ids = random_ids(case.config, case.rows, case.lengths[-1])
    next_token_loss(mine(ids), ids).backward()
    next_token_loss(other(ids).logits, ids).backward()
    return max(gradient_error(p, q) for _, p, q in pairs(mine, other))


def gradient_error(p: Tensor, q: Tensor) -> float:
    """Of one weight, relative to the largest number in its gradient."""
    assert p.grad is not None
    assert q.grad is not None
    return farthest(p.grad, q.grad) / q.grad.abs().max().item()


def sgd_step(case: Case, dtype: torch.dtype) -> float:
    """Farthest weight after one step of plain gradient descent."""
    return _steps(case, dtype, 1, lambda model: torch.optim.SGD(model.parameters(), lr=0.1).step)


def adamw_steps(case: Case, dtype: torch.dtype, steps: int) -> float:
    """Farthest weight after steps of our optimizer on our side, of PyTorch's with GPT-2's groups on the other.

    In float32 the key biases are left out: attention does not depend on them, so their gradient is zero, and what
    Adam divides by its own size there is rounding noise. In float64 they count.
    """
    return _steps(case, dtype, steps, _adamw)


def _adamw(model: torch.nn.Module) -> Callable[[], object]:
    settings = Optimizer(lr=1e-4, weight_decay=0.1)
    if isinstance(model, GPT2):
        updater = Updater(dict(model.named_parameters()), settings)
        return lambda: updater.step(1.0)
    trained = [p for p in model.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in trained if p.dim() > 1], "weight_decay": settings.weight_decay},
        {"params": [p for p in trained if p.dim() == 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=settings.lr, betas=(settings.beta1, settings.beta2), fused=False).step


def _steps(
    case: Case, dtype: torch.dtype, steps: int, optimizer: Callable[[torch.nn.Module], Callable[[], object]]
) -> float:
    weights = random_weights(case.config)
    mine, other = ours(case.config, weights, dtype), theirs(case.config, weights, dtype)
    step_mine, step_other = optimizer(mine), optimizer(other)
    for number in range(steps):
        ids = random_ids(case.config, case.rows, case.lengths[-1], seed=number)
        mine.zero_grad()
        other.zero_grad()
        next_token_loss(mine(ids), ids).backward()
        next_token_loss(other(ids).logits, ids).backward()
        step_mine()
        step_other()
    return max(
        farthest(p, q) if dtype == torch.float64 else farthest(*_without_key_bias(name, p, q))
        for name, p, q in pairs(mine, other)
    )


def _without_key_bias(name: str, *biases: Tensor) -> tuple[Tensor, ...]:
    if not name.endswith("c_attn.bias"):
        return biases
    return tuple(torch.cat([query, value]) for query, _, value in (bias.chunk(3) for bias in biases))


# Rung 12: the same in half precision


@torch.no_grad()
def bfloat16_from_transformers(case: Case) -> float:
    """Logits of models whose weights are bfloat16."""
    return logits_from_transformers(case, torch.bfloat16, "eager")
