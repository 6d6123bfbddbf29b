"""One process at a time; a dead one holds nothing."""

import json
import os
import platform
import subprocess
import sys

import pytest

from glassgpt.errors import RunInUse
from glassgpt.train.lock import LOCK, hold

HOLDING = """
import sys, time
from pathlib import Path
from glassgpt.train.lock import hold
with hold(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_the_file_says_who_holds_it(tmp_path):
    with hold(tmp_path / "run"):
        who = json.loads((tmp_path / "run" / LOCK).read_text())
    assert who["pid"] == os.getpid()
    assert who["host"] == platform.node()
    assert who["start"].endswith("+00:00")


def test_it_can_be_taken_again_after_it_was_let_go(tmp_path):
    for _ in range(2):
        with hold(tmp_path):
            pass


def test_another_process_is_named_and_its_death_frees_the_run(tmp_path):
    with subprocess.Popen([sys.executable, "-c", HOLDING, tmp_path], stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        with pytest.raises(RunInUse, match=rf"in use by process {other.pid} on "), hold(tmp_path):
            pass
        other.kill()
        other.wait()
    with hold(tmp_path):
        assert json.loads((tmp_path / LOCK).read_text())["pid"] == os.getpid()
