"""F3: the power goes; what was not forced to the disk is there, half there or gone, in any combination."""

from pathlib import Path

from glassgpt.checkpoints.atomic import sweep
from glassgpt.checkpoints.manifest import verify_manifest
from glassgpt.checkpoints.safetensors_file import read_tensors
from glassgpt.train import Run
from tests.faults.jobs import made_up
from tests.faults.model_disk import Recorder, survivors
from tests.faults.tap import tapped

SCHEDULES = 200


def test_the_newest_checkpoint_that_was_announced_is_there_after_a_power_cut(
    place: Path, data: Path, recipe, chance, injected, times
):
    run = Run(place / "run")
    for step in (1, 2):
        run.write(*made_up(data, recipe, step))
    recorder, announced = Recorder(run.path), [(0, 2)]
    with tapped(recorder):
        for step in (3, 4, 4, 5):
            run.write(*made_up(data, recipe, step))
            announced.append((len(recorder.ops), step))
            run.prune(2)
    made = {step: made_up(data, recipe, step)[0].optimizer for step in range(1, 6)}
    for number in range(SCHEDULES * times):
        until = chance.randrange(len(recorder.ops) + 1)
        survivors(recorder, until, chance, place / f"after-{number}")
        after = Run(place / f"after-{number}")
        sweep(after.checkpoints)
        newest, _ = after.newest()
        promised = max(step for since, step in announced if since <= until)
        assert newest is not None, f"power cut {number}"
        assert newest >= promised, f"power cut {number} after change {until}"
        for seen in after.steps():
            verify_manifest(after.folder(seen))
        found = read_tensors(after.folder(newest) / "optimizer.safetensors")
        assert all((tensor == made[newest][name]).all() for name, tensor in found.items())
        injected("F3 power cuts")
