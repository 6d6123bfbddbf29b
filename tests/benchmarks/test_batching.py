"""The benchmark of batching runs, and guesses change no text."""

import json
import subprocess
import sys

import pytest


@pytest.mark.slow
def test_the_benchmark_runs_at_a_tiny_size(root):
    command = [sys.executable, str(root / "benchmarks" / "batching.py"), "--tiny", "--threads", "1"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    row = json.loads(done.stdout.splitlines()[-1])["rows"][0]
    assert row["same_ids"]
    assert row["p99_to_median"] >= 1
