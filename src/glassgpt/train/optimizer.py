"""Model in, optimizers out: AdamW in GPT-2's two groups, Muon for the matrices where asked, or schedule-free AdamW.

Muon (Jordan 2024; `torch.optim.Muon`) takes the matrices inside the blocks. The fused query-key-value projection is
three matrices in one, so each third is handed over as a view that shares the storage.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from glassgpt.errors import RunError
from glassgpt.train.average import Average, MovingAverage, ScheduleFreeAverage, copy_over
from glassgpt.train.optimizer_state import flatten, unflatten
from glassgpt.train.ranks import Parts
from glassgpt.train.settings import Optimizer

Named = list[tuple[str, nn.Parameter]]
TRAINED = "trained.weights."
"""Before the names of the weights that training goes on from, where those to keep are averages."""


class Updater:
    """Turns gradients into steps: one or two optimizers behind one `step`, and the average of the weights, if any."""

    def __init__(self, weights: Parts, settings: Optimizer, scales: Mapping[str, float] | None = None) -> None:
        """Sort the weights, or the parts of them that this rank holds; a tied head is the token embedding.

        `scales` multiplies the learning rate of the weights it names.
        """
        self.parts = weights
        self.thirds: list[tuple[nn.Parameter, list[nn.Parameter]]] = []
        for_muon = [name for name, p in weights.items() if settings.method == "muon" and is_block_matrix(name, p)]
        rest = [(name, p) for name, p in weights.items() if name not in for_muon]
        self.optimizers = [adamw(groups(rest, settings.weight_decay, scales), settings)]
        self.peaks = [settings.lr, settings.muon_lr]
        if for_muon:
            matrices = [(name, part) for name in for_muon for part in self._split(weights[name])]
            inside = groups(matrices, settings.weight_decay, scales)
            self.optimizers.append(torch.optim.Muon(inside, lr=settings.muon_lr, momentum=settings.momentum))
        self.average = self._average(settings)

    def step(self, rate: float) -> None:
        """Update the weights from their gradients at a share of the peak learning rate, then forget the gradients."""
        for whole, parts in self.thirds:
            assert whole.grad is not None, "step follows a backward pass"
            for part, gradient in zip(parts, whole.grad.chunk(len(parts)), strict=True):
                part.grad = gradient
        for optimizer, peak in zip(self.optimizers, self.peaks, strict=False):
            for group in optimizer.param_groups:
                group["lr"] = peak * rate * group["scale"]
            optimizer.step()
        if self.average:
            self.average.follow()
        self.forget()

    def forget(self) -> None:
        """Drop the gradients: after an update, or instead of one."""
        for optimizer in self.optimizers:
            optimizer.zero_grad(set_to_none=True)
        for whole, _ in self.thirds:
            whole.grad = None

    def weights(self) -> dict[str, Tensor]:
        """The weights to keep and to judge the run by, under the model's names: averaged ones where a recipe says so.

        They may change with the next step.
        """
        values = self.average.values() if self.average else [part.detach() for part in self.parts.values()]
        return dict(zip(self.parts, values, strict=True))

    @contextmanager
    def judged(self) -> Iterator[None]:
        """Inside, the model holds `weights()`; afterwards again, bit for bit, those that training goes on from.

        To be evaluated, not to be saved: inside, ask for neither `weights()` nor `state()`.
        """
        if not self.average:
            yield
            return
        trained = [part.detach().clone() for part in self.parts.values()]
        copy_over(self.parts.values(), self.average.values())
        try:
            yield
        finally:
            copy_over(self.parts.values(), trained)

    def state(self) -> dict[str, Tensor]:
        """Everything training needs besides `weights()`, flat, as safetensors holds it.

        Where an average is kept, that includes the weights that training goes on from.
        """
        tensors = flatten(self.optimizers)
        if self.average:
            tensors |= {f"{TRAINED}{name}": part.detach() for name, part in self.parts.items()}
        return tensors

    def owner(self, key: str) -> str:
        """The weight that a tensor of `state` belongs to, or nothing for a count."""
        number, index, name = key.split(".", 2)
        if key.startswith(TRAINED):
            return name
        groups = self.optimizers[int(number)].param_groups
        members = {str(place): part for place, part in enumerate(part for group in groups for part in group["params"])}
        return next((name for name, part in self.parts.items() if part is members.get(index)), "")

    def restore(self, tensors: dict[str, Tensor]) -> None:
        """The inverse of `state`, for a model that holds what `weights()` were."""
        unflatten(self.optimizers, tensors)
        if self.average:
            self.average.adopt()
            copy_over(self.parts.values(), [tensors[f"{TRAINED}{name}"] for name in self.parts])

    def _split(self, matrix: nn.Parameter) -> list[nn.Parameter]:
        if matrix.shape[0] != 3 * matrix.shape[1]:
            return [matrix]
        parts = [nn.Parameter(third) for third in matrix.data.chunk(3)]
        self.thirds.append((matrix, parts))
        return parts

    def _average(self, settings: Optimizer) -> Average | None:
        if settings.method == "schedule_free":
            return ScheduleFreeAverage(self.parts.values(), self.optimizers[0])
        return MovingAverage(self.parts.values(), settings.ema) if settings.ema else None


def is_block_matrix(name: str, parameter: nn.Parameter) -> bool:
    """Whether a weight is one of the matrices inside the blocks."""
    return name.startswith("h.") and parameter.dim() == 2


def groups(weights: Named, weight_decay: float, scales: Mapping[str, float] | None = None) -> list[dict[str, Any]]:
    """GPT-2's two groups: matrices and embeddings decay, biases and normalisations do not.

    Weights whose learning rate is multiplied (`scales`, by name) stand in groups of their own.
    """
    sorted_out: dict[tuple[bool, float], list[nn.Parameter]] = {}
    for decays in (True, False):
        for name, weight in weights:
            if decays == (weight.dim() >= 2):
                sorted_out.setdefault((decays, (scales or {}).get(name, 1.0)), []).append(weight)
    return [
        {"params": members, "weight_decay": weight_decay if decays else 0.0, "scale": scale}
        for (decays, scale), members in sorted_out.items()
    ]


def adamw(weights: list[dict[str, Any]], settings: Optimizer) -> torch.optim.Optimizer:
    """AdamW in one pass over the weights, or its schedule-free form (Defazio et al. 2024)."""
    betas = (settings.beta1, settings.beta2)
    if settings.method != "schedule_free":
        return torch.optim.AdamW(weights, lr=settings.lr, betas=betas, fused=True)
    try:
        from schedulefree import AdamWScheduleFree
    except ImportError as error:
        raise RunError(
            "optimizer.method=schedule_free needs the package schedulefree: pip install 'glassgpt[train]', "
            "or choose adamw or muon."
        ) from error
    optimizer = AdamWScheduleFree(weights, lr=settings.lr, betas=betas)
    optimizer.train()
    return optimizer
