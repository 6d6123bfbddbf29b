"""The benchmark of quantization runs."""

import json
import subprocess
import sys

import pytest


@pytest.mark.slow
def test_the_benchmark_runs_at_a_tiny_size(root):
    rows = ["float32", "int8", "int4, plain", "int4, cache int8"]
    command = [sys.executable, str(root / "benchmarks" / "quantization.py"), "--tiny", "--rows", *rows]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])["rows"]
    assert [row["row"] for row in found] == rows
    assert [row["divergence"] < 1e-6 for row in found] == [True, False, False, False]
    assert found[2]["mb"] < found[1]["mb"] < found[0]["mb"]
