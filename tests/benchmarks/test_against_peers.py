"""The comparison with other programs runs, with those that are installed where tests run."""

import json
import subprocess
import sys

import pytest


@pytest.mark.slow
def test_the_comparison_runs_at_a_tiny_size(root, tmp_path):
    command = [sys.executable, str(root / "benchmarks" / "against_peers.py"), "--tiny", "--threads", "1"]
    done = subprocess.run(
        [*command, "--folder", str(tmp_path), "--widths", "float32", "int8"],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    rows = {(row["width"], row["row"]): row["medians"] for row in json.loads(done.stdout.splitlines()[-1])["rows"]}
    assert len(rows) == 2 * (3 + 1)
    assert {"GlassGPT float32", "transformers float32"} <= set(rows["float32", "write, batch 3"])
    assert {"GlassGPT int8", "GlassGPT int8, int8 cache"} <= set(rows["int8", "read 20 tokens"])
    assert "transformers float32 writes 100% as GlassGPT float32" in done.stderr
