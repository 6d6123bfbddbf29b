"""F2: death before and after every change that saving and pruning make to the disk."""

import shutil
from pathlib import Path

import pytest

from glassgpt.checkpoints.atomic import sweep
from glassgpt.checkpoints.manifest import verify_manifest
from glassgpt.checkpoints.safetensors_file import read_tensors
from glassgpt.train import Run
from tests.faults.conftest import leftovers
from tests.faults.jobs import made_up


@pytest.fixture
def old(place: Path, data: Path, recipe) -> Path:
    """A run with checkpoints of steps 1 and 2."""
    run = Run(place / "old")
    for step in (1, 2):
        run.write(*made_up(data, recipe, step))
    return run.path


@pytest.mark.parametrize("step", [3, 2], ids=["a new checkpoint", "one in place of another"])
def test_a_crash_leaves_the_old_checkpoint_or_the_new_one(nursery, place, data, variant, old, injected, recipe, step):
    weights = {s: made_up(data, recipe, s)[0].weights for s in (1, 2, 3)}
    for at in range(1, 1000):
        run = Run(place / "run")
        shutil.copytree(old, run.path)
        met = nursery.run(
            "crash_at",
            run=str(run.path),
            data=str(data),
            recipe=variant(),
            step=step,
            at=at,
            keep=step - 1,
        )
        assert met.code in (0, 9), met.err
        sweep(run.checkpoints)
        newest, damaged = run.newest()
        assert damaged == {}
        assert newest in (2, 3), f"crash point {at}"
        for seen in run.steps():
            verify_manifest(run.folder(seen))
        found = read_tensors(run.folder(newest) / "optimizer.safetensors")
        assert all((tensor == weights[newest][name[4:]] * 2).all() for name, tensor in found.items())
        assert leftovers(run.path) == []
        shutil.rmtree(run.path)
        if met.code == 0:
            break
        injected("F2 crash points")
    assert met.code == 0
    assert at > 40
