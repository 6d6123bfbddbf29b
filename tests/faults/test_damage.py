"""F6: flipped bits, files cut short, zeros. All of it is found, named, and answered by an older checkpoint."""

import shutil
from pathlib import Path

import pytest

from glassgpt.checkpoints.manifest import verify_manifest
from glassgpt.data import open_data
from glassgpt.errors import CheckpointError, DataError
from glassgpt.train import Run
from tests.faults.conftest import events, final
from tests.faults.jobs import made_up

FLIPS, CUTS, ZEROS = 2_000, 500, 100
EVERY = 20
"""Of so many damages one is also looked at from the run, which is slower."""


def flip(content: bytearray, chance) -> None:
    """One bit."""
    content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)


def cut(content: bytearray, chance) -> None:
    """The end is missing."""
    del content[chance.randrange(len(content)) :]


def zero(content: bytearray, chance) -> None:
    """Up to a block of zeros, where there were none."""
    start = chance.randrange(len(content))
    while not any(content[start : start + 4096]):
        start = chance.randrange(len(content))
    content[start : start + 4096] = bytes(len(content[start : start + 4096]))


DAMAGES = {"F6 bit flips": (flip, FLIPS), "F6 truncations": (cut, CUTS), "F6 zero fills": (zero, ZEROS)}


@pytest.mark.parametrize("name", DAMAGES)
def test_damage_to_a_checkpoint_is_found_and_named(place: Path, data, recipe, chance, injected, times, name):
    damage, count = DAMAGES[name]
    run = Run(place / "run")
    for step in (1, 2):
        run.write(*made_up(data, recipe, step))
    folder = run.folder(2)
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.stat().st_size)
    for number in range(int(0.8 * count * times)):
        path = chance.choice(files)
        good = path.read_bytes()
        bad = bytearray(good)
        damage(bad, chance)
        path.write_bytes(bad)
        with pytest.raises(CheckpointError) as found:
            verify_manifest(folder)
        assert path.name in str(found.value) or path.name == "manifest.json"
        if number % EVERY == 0:
            newest, damaged = run.newest()
            assert newest == 1
            assert str(folder) in damaged[2]
        path.write_bytes(good)
        injected(name)
    verify_manifest(folder)


def fingerprint(data: Path, size: dict[str, int]) -> str:
    """Of the data as a run finds it, or what it says against them."""
    try:
        return open_data(data, **size).fingerprint
    except DataError as error:
        return str(error)


@pytest.mark.parametrize("name", DAMAGES)
def test_damage_to_the_data_is_found_before_a_run_goes_on(place: Path, data, recipe, chance, injected, times, name):
    damage, count = DAMAGES[name]
    copy = place / "data"
    shutil.copytree(data, copy)
    size = {"context": recipe.model.context_length, "rows": recipe.rows, "seed": 0}
    known = fingerprint(copy, size)
    path = copy / "train.bin"
    good = path.read_bytes()
    for _ in range(int(0.2 * count * times)):
        bad = bytearray(good)
        damage(bad, chance)
        path.write_bytes(bad)
        assert fingerprint(copy, size) != known
        injected(name)


def test_a_run_passes_over_a_damaged_checkpoint_says_so_and_ends_the_same(nursery, place, data, variant, injected):
    recipe = variant(saving={"every": 4})
    nursery.run("go", run=str(place / "run"), data=str(data), recipe=recipe)
    expected = final(place / "run")
    file = Run(place / "run").folder(12) / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-1] + b"?")
    again = nursery.run("go", run=str(place / "run"), data=str(data), recipe=recipe)
    assert again.code == 0, again.err
    assert final(place / "run") == expected
    (told,) = [event["message"] for event in events(place / "run") if event.get("kind") == "checkpoint"]
    assert str(file) in told
    assert (place / "run" / "ckpt" / "damaged-step-00000012").is_dir()
    injected("F6 bit flips")


def test_a_run_of_which_no_checkpoint_is_whole_does_not_begin_anew(nursery, place, data, command, injected):
    nursery.run("cli", arguments=command(place / "run"))
    for file in place.glob("run/ckpt/*/model.safetensors"):
        file.write_bytes(b"")
        injected("F6 truncations")
    again = nursery.run("cli", arguments=command(place / "run"))
    assert again.code == 1
    assert "None of the 2 checkpoints" in again.err
    assert "model.safetensors" in again.err
