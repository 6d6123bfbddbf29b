"""F7: a number that is none, in the loss, a gradient, a weight or an activation, under every policy."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from glassgpt.data import open_data
from glassgpt.errors import NotFinite
from glassgpt.train import Guard, Run
from glassgpt.train.loop import Trainer

PLACES = ("loss", "gradient", "weight", "activation")
POLICIES = ("abort", "skip", "rollback")
SEEDS, STEPS = 5, 8
BAD = (float("nan"), float("inf"), float("-inf"))


class Injured(Trainer):
    """A trainer in which one number goes wrong at one step, once; it looks at every weight before and after."""

    def hurt(self, place: str, at: int, value: float) -> None:
        """Say what is to go wrong."""
        self.place, self.at, self.value = place, at, value
        self.changed: list[str] = []
        self.seen = 0

    def _step(self) -> None:
        if self.progress.step + 1 != self.at or self.seen:
            super()._step()
            return
        self.seen += 1
        if self.place == "weight":
            with torch.no_grad():
                self.model.wpe.weight[3, 2] = self.value
        hook = None
        if self.place == "gradient":
            hook = self.model.ln_f.weight.register_hook(lambda g: g + self.value)
        elif self.place == "activation":
            hook = self.model.h[1].mlp.register_forward_hook(lambda m, i, out: out + self.value)
        before = self._all()
        real = self.worker.loss_sum
        if self.place == "loss":
            setattr(self.worker, "loss_sum", lambda batch: real(batch) * self.value)  # noqa: B010
        try:
            super()._step()
        finally:
            setattr(self.worker, "loss_sum", real)  # noqa: B010
            if hook is not None:
                hook.remove()
            if not self.progress.left_out:  # not rolled back
                after = self._all()
                self.changed = [name for name in before if not same(before[name], after[name])]

    def _all(self) -> dict[str, torch.Tensor]:
        tensors = {**dict(self.model.named_parameters()), **self.updater.state()}
        return {name: tensor.detach().clone() for name, tensor in tensors.items()}


def same(a: torch.Tensor, b: torch.Tensor) -> bool:
    """Bit for bit, numbers that are none included."""
    return torch.equal(a.reshape(-1).view(torch.uint8), b.reshape(-1).view(torch.uint8))


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("where", PLACES)
def test_a_bad_number_changes_no_weight(place: Path, data: Path, recipe, chance, injected, times, policy, where):
    for seed in range(SEEDS * times):
        mine = replace(recipe, seed=seed, steps=STEPS, guard=Guard(on_nonfinite=policy))
        corpus = open_data(data, context=16, rows=4, seed=seed)
        trainer = Injured(mine, Run(place / f"run-{seed}"), corpus, device=torch.device("cpu"))
        at = chance.randrange(1, STEPS - 1)
        trainer.hurt(where, at, chance.choice(BAD))
        survives = policy == "rollback" or (policy == "skip" and where != "weight")
        if survives:
            assert trainer.go().steps == STEPS
        else:
            with pytest.raises(NotFinite, match=f"step {at}" if policy == "abort" else "bad steps in a row"):
                trainer.go()
        assert trainer.seen == 1
        assert trainer.changed == []
        shown = json.loads((place / f"run-{seed}" / "trouble" / f"step-{at:08d}.json").read_text())
        assert shown["step"] == at
        assert shown["ids"] == corpus.batch(shown["batch"]).ids.tolist()
        assert where == "loss" or any(isinstance(length, str) for length in shown["gradients"].values())
        newest = Run(place / f"run-{seed}").latest()
        assert newest == (STEPS if survives else at - 1 or None)
        if newest:
            snapshot = Run(place / f"run-{seed}").read(newest)
            assert all(tensor.isfinite().all() for tensor in snapshot.weights.values())
            assert snapshot.progress.left_out == ([at - 1] if policy == "rollback" else [])
        injected("F7 numbers that are none")
