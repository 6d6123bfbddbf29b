"""Building the wheel from this checkout, without network: the build tool is already here."""

import os
import subprocess
import sys
from pathlib import Path

from tests.contracts.tree import ROOT


def build(folder: Path, page: str) -> Path:
    """The wheel, in a folder; `page` is what the build hook is told: `required` or `skip`."""
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--no-index"]
    environment = os.environ | {"GLASSGPT_PAGE": page}
    done = subprocess.run([*command, "-w", folder, ROOT], env=environment, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    (built,) = folder.glob("*.whl")
    return built
