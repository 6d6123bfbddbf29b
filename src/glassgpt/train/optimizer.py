"""Model in, optimizers out: AdamW in GPT-2's two groups, and Muon for the matrices where asked.

Muon (Jordan 2024; `torch.optim.Muon`) takes the matrices inside the blocks. The fused query-key-value projection is
three matrices in one, so each third is handed over as a view that shares the storage.
"""

from typing import Any

import torch
from torch import nn

from glassgpt.train.ranks import Parts
from glassgpt.train.settings import Optimizer


class Updater:
    """Turns gradients into steps: one or two optimizers behind one `step`."""

    def __init__(self, weights: Parts, settings: Optimizer) -> None:
        """Sort the weights, or the parts of them that this rank holds; a tied head is the token embedding."""
        self.parts, self.settings = weights, settings
        self.thirds: list[tuple[nn.Parameter, list[nn.Parameter]]] = []
        matrices = [p for name, p in weights.items() if is_block_matrix(name, p)] if settings.method == "muon" else []
        rest = [p for p in weights.values() if not any(p is matrix for matrix in matrices)]
        self.adamw = torch.optim.AdamW(
            groups(rest, settings.weight_decay), lr=settings.lr, betas=(settings.beta1, settings.beta2), fused=True
        )
        self.optimizers: list[torch.optim.Optimizer] = [self.adamw]
        if matrices:
            parts = [part for matrix in matrices for part in self._split(matrix)]
            self.optimizers.append(
                torch.optim.Muon(
                    parts, lr=settings.muon_lr, momentum=settings.momentum, weight_decay=settings.weight_decay
                )
            )

    def step(self, rate: float) -> None:
        """Update the weights from their gradients at a share of the peak learning rate, then forget the gradients."""
        for whole, parts in self.thirds:
            assert whole.grad is not None, "step follows a backward pass"
            for part, gradient in zip(parts, whole.grad.chunk(len(parts)), strict=True):
                part.grad = gradient
        for optimizer, peak in zip(self.optimizers, (self.settings.lr, self.settings.muon_lr), strict=False):
            for group in optimizer.param_groups:
                group["lr"] = peak * rate
            optimizer.step()
        self.forget()

    def forget(self) -> None:
        """Drop the gradients: after an update, or instead of one."""
        for optimizer in self.optimizers:
            optimizer.zero_grad(set_to_none=True)
        for whole, _ in self.thirds:
            whole.grad = None

    def weights(self) -> dict[str, torch.Tensor]:
        """The weights to keep and to judge the run by, under the model's names."""
        return {name: part.detach() for name, part in self.parts.items()}

    def state(self) -> dict[str, torch.Tensor]:
        """Everything the optimizers remember, flat, as safetensors holds it."""
        return {
            f"{number}.{index}.{name}": value
            for number, optimizer in enumerate(self.optimizers)
            for index, entry in optimizer.state_dict()["state"].items()
            for name, value in entry.items()
        }

    def owner(self, key: str) -> str:
        """The weight that a tensor of `state` belongs to."""
        number, index, _ = key.split(".", 2)
        members = [part for group in self.optimizers[int(number)].param_groups for part in group["params"]]
        return next((name for name, part in self.parts.items() if part is members[int(index)]), "")

    def restore(self, tensors: dict[str, torch.Tensor]) -> None:
        """The inverse of `state`."""
        for number, optimizer in enumerate(self.optimizers):
            states: dict[int, dict[str, torch.Tensor]] = {}
            for key, value in tensors.items():
                owner, index, name = key.split(".", 2)
                if int(owner) == number:
                    states.setdefault(int(index), {})[name] = value
            optimizer.load_state_dict({**optimizer.state_dict(), "state": states})

    def _split(self, matrix: nn.Parameter) -> list[nn.Parameter]:
        if matrix.shape[0] != 3 * matrix.shape[1]:
            return [matrix]
        parts = [nn.Parameter(third) for third in matrix.data.chunk(3)]
        self.thirds.append((matrix, parts))
        return parts


def is_block_matrix(name: str, parameter: nn.Parameter) -> bool:
    """Whether a weight is one of the matrices inside the blocks."""
    return name.startswith("h.") and parameter.dim() == 2


def groups(parameters: list[nn.Parameter], weight_decay: float) -> list[dict[str, Any]]:
    """GPT-2's two groups: matrices and embeddings decay, biases and normalisations do not."""
    matrices = [p for p in parameters if p.dim() >= 2]
    vectors = [p for p in parameters if p.dim() < 2]
    return [
        {"params": matrices, "weight_decay": weight_decay},
        {"params": vectors, "weight_decay": 0.0},
    ]
