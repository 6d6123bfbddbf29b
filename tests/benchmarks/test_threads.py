"""The benchmarks of the crew and of single kernels run."""

import json
import subprocess
import sys

import pytest


def run(root, name, *arguments) -> dict:
    command = [sys.executable, str(root / "benchmarks" / name), "--tiny", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.slow
def test_a_neighbour_comes_and_goes(root):
    rows = run(root, "crowded.py", "--seconds", "0.05", "--rounds", "1")["rows"]
    assert [(row["neighbours"], row["threads"]) for row in rows] == [(0, 1), (0, 2), (1, 1), (1, 2)]
    assert all(row["tokens_per_second"] > 0 for row in rows)


@pytest.mark.slow
@pytest.mark.parametrize("rows", ["20", "1"])
def test_every_kernel_of_a_step_is_timed(root, rows):
    found = run(root, "where_time_goes.py", "--rows", rows, "--place", "5", "--weights", "bfloat16")
    assert set(found["ms"]) == {
        "embed",
        "normalize",
        "query, key, value",
        "attend",
        "project",
        "widen",
        "narrow",
        "logits",
    }
    assert all(each > 0 for each in found["ms"].values())
