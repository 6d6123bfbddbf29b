"""Compiling changes the speed of a step, not what it finds; without a compiler steps run as they are."""

import json
import logging
import subprocess
import sys

import pytest

from glassgpt.train import compiling

PROGRAM = """
import json, sys, torch
torch.set_num_threads(1)
from tests.train.small import Training, plan
found = {}
for precision in ("float32", "bfloat16_weights"):
    for fuse in (False, True):
        found[f"{precision} {fuse}"] = Training(plan(precision=precision, compile=fuse, micro_rows=4)).learn(4)
print(json.dumps(found))
"""


@pytest.mark.slow
@pytest.mark.skipif(compiling.compiler() is None, reason="no C++ compiler is found here")
def test_losses_of_compiled_steps_equal_those_of_plain_ones(root):
    """In a process without the shape checks, which the compiler cannot look through."""
    done = subprocess.run([sys.executable, "-c", PROGRAM], cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["float32 True"] == pytest.approx(found["float32 False"], rel=1e-5)
    assert found["bfloat16_weights True"] == pytest.approx(found["bfloat16_weights False"], rel=1e-2)


def test_without_a_compiler_a_word_is_said_and_the_function_stays(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setattr(compiling, "compiler", lambda: None)
    monkeypatch.setattr(compiling.torch.cuda, "is_available", lambda: False)

    def double(x: int) -> int:
        return 2 * x

    with caplog.at_level(logging.WARNING):
        assert compiling.compiled(double) is double
    assert "none is found" in caplog.text


def test_the_compiler_is_the_one_the_environment_names(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CXX", sys.executable)
    assert compiling.compiler() == sys.executable
    monkeypatch.setenv("PATH", "")
    monkeypatch.setenv("CXX", "no-such-compiler")
    assert compiling.compiler() is None
