"""F4 and F5: the disk is full, read-only or failing. Training goes on; what was saved before is whole."""

import errno
import os
import re
import subprocess

import pytest

from glassgpt.train import Run
from tests.faults.conftest import events, final, leftovers

ERRORS = (errno.EIO, errno.EROFS, errno.EACCES, errno.EMFILE, errno.EINTR)


@pytest.fixture
def whole(nursery, place, data, variant):
    """What a run that was left alone ends with."""
    met = nursery.run("go", run=str(place / "whole"), data=str(data), recipe=variant())
    assert met.code == 0, met.err
    return final(place / "whole")


@pytest.fixture
def small_disk(place):
    """A disk of its own, 2 MB large."""
    folder = place / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "none", folder], capture_output=True, text=True)
    if mounted.returncode:
        pytest.skip(f"a disk of limited size needs the right to mount one: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_files_that_may_not_grow_cost_a_save_and_not_the_run(
    nursery, place, data, variant, chance, injected, whole, times
):
    for number in range(15 * times):
        run, begun, failures = place / f"run-{number}", chance.randrange(2, 8), chance.randrange(1, 3)
        met = nursery.run(
            "full_disk", run=str(run), data=str(data), recipe=variant(),
            from_step=begun, until_step=begun + failures, largest=chance.randrange(100, 80_000),
        )  # fmt: skip
        assert met.code == 0, met.err
        assert met.out.count("Training goes on.") == failures, met.out
        assert len(re.findall(r"[\d,]+ bytes needed for checkpoints, [\d,]+ free", met.out)) == failures
        assert final(run) == whole
        assert leftovers(run) == []
        injected("F4 full disks", failures)


@pytest.mark.parametrize("blind", [False, True], ids=["foreseen", "unforeseen"])
def test_a_full_disk_costs_a_save_and_not_the_run(
    nursery, small_disk, data, variant, chance, injected, whole, times, blind
):
    for number in range(8 * times):
        run, begun = small_disk / f"run-{number}", chance.randrange(2, 8)
        met = nursery.run(
            "filled_disk", run=str(run), data=str(data), recipe=variant(),
            from_step=begun, until_step=begun + 2, left=chance.randrange(0, 150_000), blind=blind,
        )  # fmt: skip
        assert met.code == 0, met.err
        assert met.out.count("Training goes on.") == 2, met.out
        assert len(re.findall(r"[\d,]+ bytes needed for checkpoints, [\d,]+ free", met.out)) == 2
        assert final(run) == whole
        assert leftovers(run) == []
        injected("F4 full disks", 2)
        subprocess.run(["rm", "-r", run], check=True)


def test_three_failures_in_a_row_end_the_run_and_keep_the_checkpoint(nursery, place, data, variant, injected):
    run = place / "run"
    met = nursery.run(
        "full_disk", run=str(run), data=str(data), recipe=variant(), from_step=4, until_step=99, largest=3_000
    )
    assert met.code == 74
    assert "could not be saved, try 3 of 3" in met.err
    assert final(run)[0] == 3
    assert Run(run).steps() == [2, 3]
    assert leftovers(run) == []
    again = nursery.run("go", run=str(run), data=str(data), recipe=variant())
    assert again.code == 0, again.err
    injected("F4 full disks", 3)


def test_a_disk_too_small_from_the_start_is_refused_at_the_start(nursery, small_disk, data, command, injected):
    (small_disk / "filler").write_bytes(bytes((2 << 20) - 100_000))
    met = nursery.run("cli", arguments=command(small_disk / "run"))
    assert met.code == 74
    assert re.search(r"[\d,]+ bytes needed for checkpoints, [\d,]+ free", met.err)
    injected("F4 full disks")


@pytest.mark.parametrize("number", ERRORS, ids=errno.errorcode.get)
def test_an_error_of_the_disk_while_saving_costs_at_most_that_save(
    nursery, place, data, variant, chance, injected, whole, times, number
):
    for trial in range(15 * times):
        run = place / f"run-{trial}"
        met = nursery.run(
            "failing_disk", run=str(run), data=str(data), recipe=variant(saving={"every": 4}),
            after_step=chance.choice([3, 7]), at=chance.randrange(1, 60), number=number,
        )  # fmt: skip
        assert met.code == 0, met.err
        assert final(run) == whole
        told = [event["message"] for event in events(run) if event["event"] == "trouble"]
        assert ("failed" not in met.out) or any(os.strerror(number) in text for text in told) or "Saved" in met.out
        injected(f"F5 {errno.errorcode[number]}")


@pytest.mark.parametrize("number", ERRORS, ids=errno.errorcode.get)
def test_an_error_of_the_disk_at_the_start_is_one_line_with_the_path(
    nursery, place, command, chance, injected, times, number
):
    for trial in range(5 * times):
        run = place / f"start-{trial}"
        met = nursery.run("failing_start", arguments=command(run), at=chance.randrange(1, 6), number=number)
        assert met.code in (0, 1), met.err
        assert "Traceback" not in met.err
        if met.code:
            (line,) = [line for line in met.err.splitlines() if line.startswith("glassgpt train:")]
            assert os.strerror(number) in line
            assert str(run) in line
        injected(f"F5 {errno.errorcode[number]}")
