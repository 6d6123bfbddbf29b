"""What the pages say is true: their commands run, and the files they name exist.

A block of `console`, `bash` or `python` is run, and the answers in one of `pycon` are compared, page by page in one
empty folder, unless the line above the block is a comment that gives the reason: <!-- not run: it takes an hour -->
"""

import os
import subprocess
import sys

import pytest

from tests.contracts.markdown import blocks, named_files, pages
from tests.contracts.tree import ROOT, short

COMPARE = "import doctest; doctest.run_docstring_examples({body!r}, {{}}, optionflags=doctest.ELLIPSIS)"
FIGURES = ROOT / "src" / "glassgpt" / "interpret" / "page" / "notebook.js"
RUNNABLE = {"console", "bash", "python", "pycon"}


def runnable(page):
    return [block for block in blocks(page) if block.language in RUNNABLE and not block.reason]


@pytest.fixture
def environment(tmp_path) -> dict[str, str]:
    """Commands `glassgpt`, `python` and `torchrun` that run this checkout, and a home without any model."""
    bin_folder = tmp_path / "bin"
    bin_folder.mkdir()
    for name, module in {"python": "", "glassgpt": "-m glassgpt ", "torchrun": "-m torch.distributed.run "}.items():
        program = bin_folder / name
        program.write_text(f'#!/bin/sh\nexec {sys.executable} {module}"$@"\n')
        program.chmod(0o755)
    home = {"HOME": str(tmp_path), "HF_HUB_OFFLINE": "1", "COLUMNS": "100"}
    return os.environ | home | {"PATH": f"{bin_folder}{os.pathsep}{os.environ['PATH']}"}


def command(block) -> list[str]:
    if block.language == "python":
        return [sys.executable, "-c", block.body]
    if block.language == "pycon":
        return [sys.executable, "-c", COMPARE.format(body=block.body)]
    return ["bash", "-e", "-o", "pipefail", "-c", block.script()]


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("page", [page for page in pages() if runnable(page)], ids=short)
def test_what_a_page_tells_to_type_works(page, tmp_path, environment):
    if page.name == "notebook.md" and not FIGURES.is_file():
        pytest.skip("the figures for notebooks are not built: make page")
    folder = tmp_path / "work"
    folder.mkdir()
    for block in runnable(page):
        done = subprocess.run(
            command(block), cwd=folder, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True
        )
        said = f"{short(page)}, block at line {block.line}:\n{done.stdout}\n{done.stderr}"
        assert done.returncode == 0, said
        assert block.language != "pycon" or done.stdout == "", said


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
