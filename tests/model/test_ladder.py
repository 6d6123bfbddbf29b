"""Every rung of the fidelity ladder holds: see `tests.oracle.ladder` for the claims and their tolerances."""

import shutil
import subprocess
import sys

import pytest

from tests.oracle.ladder import LADDER

TOGETHER = [pytest.param(rung, marks=[pytest.mark.slow] if rung.is_slow else [], id=str(rung))
            for rung in LADDER if not rung.is_alone]  # fmt: skip


@pytest.mark.parametrize("rung", TOGETHER)
def test_the_rung_holds(rung):
    assert rung.measure() <= rung.tolerance


@pytest.mark.slow
@pytest.mark.parametrize("rung", [rung for rung in LADDER if rung.is_alone], ids=str)
def test_the_rung_holds_in_a_process_of_its_own(rung, root):
    if not shutil.which("g++"):
        pytest.skip("torch.compile needs a C++ compiler, and there is no g++ here")
    program = f"from tests.oracle.ladder import LADDER; print(LADDER[{LADDER.index(rung)}].measure())"
    run = subprocess.run([sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert float(run.stdout.splitlines()[-1]) <= rung.tolerance
