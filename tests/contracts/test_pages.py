"""What the pages say is true: their commands run, and the files they name exist.

A block of `console`, `bash` or `python` is run, page by page in one empty folder, unless the line above it is a
comment that gives the reason: <!-- not run: it takes an hour -->
"""

import os
import subprocess
import sys

import pytest

from tests.contracts.markdown import blocks, named_files, pages
from tests.contracts.tree import ROOT, short

RUNNABLE = {"console", "bash", "python"}


def runnable(page):
    return [block for block in blocks(page) if block.language in RUNNABLE and not block.reason]


@pytest.fixture
def environment(tmp_path) -> dict[str, str]:
    """Commands `glassgpt` and `python` that run this checkout, and a home without any model."""
    bin_folder = tmp_path / "bin"
    bin_folder.mkdir()
    start = "from glassgpt.cli.main import main; main()"
    for name, arguments in {"python": "", "glassgpt": f'-c "{start}" '}.items():
        command = bin_folder / name
        command.write_text(f'#!/bin/sh\nexec {sys.executable} {arguments}"$@"\n')
        command.chmod(0o755)
    home = {"HOME": str(tmp_path), "HF_HUB_OFFLINE": "1", "COLUMNS": "100"}
    return os.environ | home | {"PATH": f"{bin_folder}{os.pathsep}{os.environ['PATH']}"}


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("page", [page for page in pages() if runnable(page)], ids=short)
def test_what_a_page_tells_to_type_works(page, tmp_path, environment):
    folder = tmp_path / "work"
    folder.mkdir()
    for block in runnable(page):
        command = [sys.executable, "-c", block.body] if block.language == "python" else ["bash", "-c", block.script()]
        if block.language != "python":
            command[1:1] = ["-e", "-o", "pipefail"]
        done = subprocess.run(
            command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=600
        )
        assert done.returncode == 0, f"{short(page)}, block at line {block.line}:\n{done.stdout}\n{done.stderr}"


@pytest.mark.parametrize("page", pages(), ids=short)
def test_every_file_a_page_names_exists(page):
    assert sorted(str(path) for path in named_files(page) if not path.exists()) == []


def test_the_readme_gives_the_command_that_ci_runs():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert "make run" in readme
    assert "make test" in readme
    assert script.rstrip().endswith("\nmake test")
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
