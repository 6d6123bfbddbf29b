"""What is in the wheel is enough: no clone, no Node, no network, and every page works."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile

import pytest

from tests.browser.conftest import PAGES
from tests.contracts.tree import ROOT
from tests.contracts.wheels import build

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

CUT = ["unshare", "--map-root-user", "--net", "--", "sh", "-c", 'ip link set lo up && exec "$@"', "sh"]
"""Runs a program where no network exists but the one inside this machine."""
PAGE = "glassgpt/explorer/page/"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    return build(tmp_path_factory.mktemp("wheel"), page="required")


@pytest.fixture
def program(wheel, tmp_path):
    """`glassgpt` in an environment of its own, which holds the wheel and borrows the packages that the wheel needs."""
    venv.create(tmp_path / "environment", with_pip=False)
    python = tmp_path / "environment" / "bin" / "python"
    install = [sys.executable, "-m", "pip", "--python", python, "install", "--no-deps", "--no-index", wheel]
    subprocess.run(install, capture_output=True, check=True, timeout=240)
    (site,) = (tmp_path / "environment" / "lib").glob("python3*/site-packages")
    (site / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    where = [python, "-c", "import glassgpt; print(glassgpt.__file__)"]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    found = subprocess.run(where, env=environment, capture_output=True, text=True, check=True, timeout=120)
    assert found.stdout.startswith(str(site))
    return python.with_name("glassgpt")


def test_the_wheel_carries_the_whole_page_and_it_is_small(wheel):
    packed = {info.filename: info.file_size for info in zipfile.ZipFile(wheel).infolist()}
    page = {name.removeprefix(PAGE): size for name, size in packed.items() if name.startswith(PAGE)}
    built = ROOT / "src" / "glassgpt" / "explorer" / "page"
    assert page == {p.relative_to(built).as_posix(): p.stat().st_size for p in built.rglob("*") if p.is_file()}
    assert "index.html" in page
    assert sum(page.values()) <= 3_000_000


def test_every_page_works_where_there_is_no_network(program):
    if shutil.which("unshare") is None or shutil.which("ip") is None:
        pytest.skip("cutting the network needs the programs unshare (util-linux) and ip (iproute2)")
    if subprocess.run([*CUT, "true"], capture_output=True, check=False).returncode:
        pytest.skip("this system does not let a program cut its own network")
    looking = [*CUT, sys.executable, "-m", "tests.browser.offline", program]
    done = subprocess.run(looking, cwd=ROOT, capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout.splitlines()[-1])
    assert seen["networks"] == ["lo"]
    assert [name for name in PAGES if len(seen["pages"][name]) > 50] == list(PAGES)
    assert (seen["complaints"], seen["foreign"]) == ([], [])
