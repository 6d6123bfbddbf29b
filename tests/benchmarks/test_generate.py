"""The benchmark of `generate` runs, and both sides write the same greedy ids."""

import json
import subprocess
import sys

import pytest


@pytest.mark.slow
def test_the_benchmark_runs_at_a_tiny_size(root):
    command = [sys.executable, str(root / "benchmarks" / "generate.py"), "--tiny", "--threads", "1"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout.splitlines()[-1])
    assert [row["batch"] for row in result["rows"]] == [1, 3]
    assert all(row["same_ids"] for row in result["rows"])
