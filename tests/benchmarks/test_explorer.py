"""The benchmark of the Explorer runs."""

import json
import subprocess
import sys

import pytest

from tests.browser.conftest import missing


@pytest.mark.slow
def test_the_benchmark_runs_at_a_tiny_size(root):
    command = [sys.executable, str(root / "benchmarks" / "explorer.py"), "--tiny", "--threads", "1"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=290, check=False)
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout.splitlines()[-1])["rows"]
    assert all(row["median"] > 0 for row in rows)
    assert {row["what"].partition(":")[0] for row in rows} >= ({"HTTP"} if missing() else {"HTTP", "page"})
