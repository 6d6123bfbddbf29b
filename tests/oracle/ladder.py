"""The fidelity ladder: every claim with the number that measures it and how large that number may be."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch

from glassgpt.model import SIZES
from glassgpt.model.attend import explicit, fused
from tests.oracle import behaviour, interchange, parity
from tests.oracle.twins import CASES, Case

GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "ten_losses.json"
F32, F64, BF16 = torch.float32, torch.float64, torch.bfloat16


@dataclass(frozen=True)
class Rung:
    """One claim; rungs of one number belong together."""

    number: int
    claim: str
    measure: Callable[[], float]
    tolerance: float
    is_slow: bool = False
    """Takes more than about three seconds."""
    is_alone: bool = False
    """Needs a process without run-time shape checks."""

    def __str__(self) -> str:
        return f"{self.number}: {self.claim}"


def worst(measure: Callable[..., float], *arguments: object) -> Callable[[], float]:
    """The largest of a measure over the six shapes."""

    def over_all_shapes() -> float:
        return max(measure(case, *arguments) for case in CASES.values())

    return over_all_shapes


def from_golden(precision: str) -> float:
    golden = json.loads(GOLDEN.read_text())["losses"][precision]
    return max(abs(a - b) for a, b in zip(behaviour.ten_losses(precision), golden, strict=True))


def first_loss_error() -> float:
    config = SIZES["small"]
    return abs(behaviour.first_loss(config) - behaviour.expected_first_loss(config))


def explicit_logits(case: Case) -> float:
    return behaviour.explicit_from_fused(case)[0]


def explicit_gradients(case: Case) -> float:
    return behaviour.explicit_from_fused(case)[1]


def leaks(measure: Callable[..., int]) -> float:
    return float(sum(measure(attend) for attend in (fused, explicit)))


LADDER = [
    Rung(1, "logits, transformers, float32", worst(parity.logits_from_transformers, F32), 2e-6),
    Rung(1, "logits, transformers, float64", worst(parity.logits_from_transformers, F64), 1e-10),
    Rung(
        1, "logits, transformers' plain attention, float32", worst(parity.logits_from_transformers, F32, "eager"), 2e-6
    ),
    Rung(1, "logits, NumPy oracle, float32", worst(parity.logits_from_numpy, F32), 2e-6),
    Rung(1, "logits, NumPy oracle, float64", worst(parity.logits_from_numpy, F64), 1e-10),
    Rung(1, "logits of padded rows, transformers, float32", worst(parity.logits_of_padded_rows, F32), 2e-6),
    Rung(1, "logits of padded rows, transformers, float64", worst(parity.logits_of_padded_rows, F64), 1e-10),
    Rung(1, "logits with the same dropout, transformers, float32", worst(parity.logits_under_dropout), 2e-6),
    Rung(2, "gradients (relative), transformers, float32", worst(parity.gradients, F32), 2e-6),
    Rung(2, "gradients (relative), transformers, float64", worst(parity.gradients, F64), 1e-9),
    Rung(3, "weights after one SGD step, float32", worst(parity.sgd_step, F32), 1e-6),
    Rung(3, "weights after one AdamW step, float32", worst(parity.adamw_steps, F32, 1), 5e-5),
    Rung(3, "weights after ten AdamW steps, float32", worst(parity.adamw_steps, F32, 10), 5e-5, is_slow=True),
    Rung(3, "weights after ten AdamW steps, float64", worst(parity.adamw_steps, F64, 10), 1e-9, is_slow=True),
    Rung(4, "tensors changed by transformers' and OpenAI's files", interchange.tensors_changed_by_files, 0),
    Rung(5, "greedy texts unlike transformers'", partial(interchange.continuations_unlike_transformers, 1), 0, True),
    Rung(
        5,
        "texts of three beams unlike transformers'",
        partial(interchange.continuations_unlike_transformers, 3),
        0,
        True,
    ),
    Rung(6, "initial weights, in standard errors", partial(behaviour.initial_statistics, behaviour.WIDER), 3.0),
    Rung(7, "first loss of GPT-2 small against ln V + D·0.02²/2", first_loss_error, 0.1, is_slow=True),
    Rung(8, "loss after 100 steps on one batch", behaviour.overfitted_loss, 0.05, is_slow=True),
    Rung(9, "logits that see a later token", partial(leaks, behaviour.leaks_from_the_future), 0),
    Rung(9, "logits that see another document", partial(leaks, behaviour.leaks_between_documents), 0),
    Rung(9, "logits of a document among others against alone", behaviour.packed_from_alone, 2e-6),
    Rung(10, "parameters too many or too few, four sizes", behaviour.parameters_too_many, 0),
    Rung(11, "ten golden losses, float32", partial(from_golden, "float32"), 1e-5),
    Rung(11, "ten golden losses, bfloat16", partial(from_golden, "bfloat16"), 2e-2),
    Rung(12, "logits, explicit against fused attention", worst(explicit_logits), 2e-6),
    Rung(12, "gradients (relative), explicit against fused attention", worst(explicit_gradients), 2e-6),
    Rung(12, "gradients (relative), recomputed against kept activations", behaviour.recomputed_from_kept, 0),
    Rung(12, "logits, bfloat16 autocast against float32", worst(behaviour.bfloat16_from_float32), 4e-2),
    Rung(12, "logits, bfloat16 weights, transformers", worst(parity.bfloat16_from_transformers), 4e-2),
    Rung(12, "logits, compiled against eager", behaviour.compiled_from_eager, 2e-6, True, is_alone=True),
    Rung(16, "texts of 3,000 encoded unlike tiktoken's", interchange.texts_encoded_unlike_tiktoken, 0, is_slow=True),
]
