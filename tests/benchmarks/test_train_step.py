"""The benchmark of training steps runs; every system takes its turn in a process of its own."""

import json
import subprocess
import sys

import pytest


@pytest.mark.slow
def test_the_benchmark_runs_at_a_tiny_size(root):
    systems = ["glassgpt bfloat16_weights", "nanogpt bfloat16", "transformers bfloat16"]
    command = [
        sys.executable,
        "-m",
        "benchmarks.train_step",
        "--tiny",
        "--rounds",
        "2",
        "--steps",
        "2",
        "--threads",
        "1",
    ]
    done = subprocess.run([*command, "--only", *systems], cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout.splitlines()[-1])
    assert [row["system"] for row in result["rows"]] == systems
    assert result["rows"][0]["ratio"] == 1.0
    assert all(len(rounds) == 2 for rounds in result["all"].values())
