"""Whole runs by several ranks, one after the other in one process group, in a folder that the tests look into.

python -m torch.distributed.run --nproc-per-node 2 -m tests.ranks.runs DATA FOLDER
"""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from unittest.mock import patch

import torch
import torch.distributed as dist

from glassgpt.data import open_data
from glassgpt.model import GPT2Config
from glassgpt.train import Optimizer, Recipe, Run, Saving, Schedule, Watching, train
from glassgpt.train.loop import Trainer
from glassgpt.train.meeting import gathered
from glassgpt.train.settings import Parallel

SHAPE = GPT2Config(vocab_size=300, context_length=16, emb_dim=24, n_heads=4, n_layers=2, drop_rate=0.0)
RECIPE = Recipe(
    model=SHAPE,
    steps=10,
    rows=8,
    micro_rows=2,
    precision="float32",
    schedule=Schedule(warmup_steps=3),
    optimizer=Optimizer(ema=0.8),  # evaluated and saved are averages, kept in parts too
    saving=Saving(every=5, keep=9),
    watching=Watching(evaluate_every=5, evaluate_tokens=200),
)
WAYS = {
    "copies": Parallel(),
    "fsdp": Parallel(shard="fsdp"),
    "tensor": Parallel(tensor=2),
}


def main() -> None:
    """Each way, on runs whose first five steps one process has taken."""
    data, folder = map(Path, sys.argv[1:])
    dist.init_process_group("gloo")
    train(RECIPE, folder / "whole", data)
    for way, parallel in WAYS.items():
        recipe = replace(RECIPE, parallel=parallel)
        rewrite(recipe, folder / f"begun-{way}", data, folder / f"rewritten-{way}")
        train(recipe, folder / f"begun-{way}", data)
        with told_to_stop(rank=1, step=7):
            result = train(recipe, folder / f"stopped-{way}", data)
        assert (result.steps, result.signal) == (7, signal.SIGTERM)
    dist.destroy_process_group()


def rewrite(recipe: Recipe, run: Path, data: Path, into: Path) -> None:
    """Take up a run and save it elsewhere, without a step between."""
    reading = asdict(recipe.reading)
    corpus = open_data(data, context=recipe.model.context_length, rows=recipe.rows, seed=recipe.seed, **reading)
    with gathered(recipe, torch.device("cpu")) as ranks:
        trainer = Trainer(recipe, Run(run), corpus, ranks=ranks)
        trainer._take_up(True, False)
        trainer.keeper.saver.run = Run(into)
        into.mkdir(exist_ok=True)
        trainer._save(last=True)


@contextmanager
def told_to_stop(rank: int, step: int) -> Iterator[None]:
    """Send SIGTERM to one of the ranks, and to no other, after a step."""
    take = Trainer._step

    def step_and_signal(trainer: Trainer) -> None:
        take(trainer)
        if trainer.progress.step == step and dist.get_rank() == rank:
            os.kill(os.getpid(), signal.SIGTERM)

    with patch.object(Trainer, "_step", step_and_signal):
        yield


if __name__ == "__main__":
    main()
