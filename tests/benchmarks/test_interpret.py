"""The benchmark of looking inside runs."""

import json
import subprocess
import sys

import pytest


@pytest.mark.slow
def test_the_benchmark_runs_at_a_tiny_size(root):
    command = [sys.executable, str(root / "benchmarks" / "interpret.py"), "--tiny", "--threads", "1", "--times", "1"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout.splitlines()[-1])
    assert {row["tokens"] for row in result["rows"]} == {0, 5, 8, 64}
    assert result["trace_bytes"] == 4 * 64 * 48 * (5 + 2 * 3)
