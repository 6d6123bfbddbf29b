"""The benchmark of the native kernels runs."""

import json
import subprocess
import sys

import pytest

KERNELS = {"native float32", "native int8", "torch float32", "native float32, cache int8", "native int8, cache int8"}


@pytest.mark.slow
@pytest.mark.parametrize("more", [[], ["--prompt", "40"]], ids=str)
def test_the_benchmark_runs_at_a_tiny_size(root, more):
    command = [
        sys.executable,
        str(root / "benchmarks" / "native_decode.py"),
        "--tiny",
        "--threads",
        "1",
        "--kv-cache",
        "int8",
        *more,
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout.splitlines()[-1])["rows"]
    assert len(rows) == (1 if more else 2)
    assert all(set(row["ms"]) == KERNELS for row in rows)
