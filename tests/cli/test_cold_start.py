"""The program is quick to answer because of what it does not import."""

import json
import subprocess
import sys

RUN = """
import json, sys
from glassgpt.cli.main import main
code = main(sys.argv[1:])
print(json.dumps([code, sorted({name.partition(".")[0] for name in sys.modules})]), file=sys.stderr)
"""
SLOW = {"torch", "transformers", "numba", "scipy"}


def test_native_kernels_write_without_pytorch():
    """Not measured in seconds, which depend on the machine, but by what was loaded."""
    from glassgpt import load
    from glassgpt.engine import NativeBackend

    assert isinstance(load().backend, NativeBackend)  # packed and compiled from here on
    command = ["generate", "It was a dark night", "-n", "4", "-s", "1", "-k", "40", "--logprobs", "2", "--quiet"]
    done = subprocess.run(
        [sys.executable, "-c", RUN, *command], capture_output=True, text=True, check=True, timeout=120
    )
    code, loaded = json.loads(done.stderr.splitlines()[-1])
    assert code == 0
    assert done.stdout.startswith("It was a dark night")
    assert SLOW & set(loaded) == set()
