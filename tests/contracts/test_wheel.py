"""The wheel holds all that GlassGPT needs, and nothing else."""

import os
import subprocess
import sys
import zipfile

import pytest

from tests.contracts.tree import SOURCE, modules
from tests.contracts.wheels import build

VOCABULARY = "glassgpt/tokens/files/vocab.bpe"
EMBEDDED = {"config.json", "model.safetensors", "vocab.json", "merges.txt", "tokenizer.json", "README.md"}
WRITE = "import glassgpt; print(glassgpt.__file__); print(glassgpt.load().generate('The', max_new_tokens=4, seed=1))"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    return build(tmp_path_factory.mktemp("wheel"), page="skip")  # a page that is built goes in all the same


def test_it_holds_every_module_the_vocabulary_and_the_model(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    wanted = {path.relative_to(SOURCE.parent).as_posix() for path in modules()}
    wanted |= {f"glassgpt/checkpoints/embedded/{name}" for name in EMBEDDED}
    assert wanted | {VOCABULARY, "glassgpt/py.typed"} <= names


def test_it_holds_nothing_else_but_its_own_description(wheel):
    tops = {name.split("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"glassgpt"}


def test_it_is_pure_python_and_small(wheel):
    assert wheel.name.endswith("-py3-none-any.whl")
    assert wheel.stat().st_size <= 30_000_000


def test_it_carries_the_licence_and_the_credits(wheel):
    names = [name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/licenses/" in name]
    assert {name.rsplit("/", 1)[1] for name in names} == {"LICENSE", "NOTICE"}


def test_what_it_installs_writes_a_text(wheel, tmp_path):
    install = [sys.executable, "-m", "pip", "install", "--no-deps", "--no-index", "--target", tmp_path / "site", wheel]
    subprocess.run(install, capture_output=True, check=True, timeout=240)
    environment = os.environ | {"PYTHONPATH": str(tmp_path / "site")}
    done = subprocess.run(
        [sys.executable, "-c", WRITE], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=240
    )
    assert done.returncode == 0, done.stderr
    where, *text = done.stdout.splitlines()
    assert where.startswith(str(tmp_path))
    assert "".join(text).strip() != ""
