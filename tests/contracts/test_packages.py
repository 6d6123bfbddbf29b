"""The lists of packages agree with each other."""

import re
import tomllib

from tests.contracts.tree import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PIN = re.compile(r"(?P<name>[A-Za-z0-9._-]+)==(?P<version>[0-9][A-Za-z0-9.]*)")


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def pins() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    found = [PIN.fullmatch(line) for line in lines if not line.startswith("#")]
    assert None not in found, "a line that is not name==version"
    return {normal(pin["name"]): pin["version"] for pin in found if pin}


def test_every_package_we_ask_for_is_pinned_for_ci():
    groups = PROJECT["dependency-groups"].values()
    asked = [
        *PROJECT["project"]["dependencies"],
        *PROJECT["build-system"]["requires"],
        *(one for g in groups for one in g),
    ]
    names = {normal(re.split(r"[<>=!~\[; ]", line)[0]) for line in asked}
    assert names - pins().keys() == set()


def test_users_get_a_range_and_not_a_pin():
    assert [line for line in PROJECT["project"]["dependencies"] if "==" in line or ">=" not in line] == []


def test_the_version_stands_in_the_changelog():
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"## [{PROJECT['project']['version']}]" in changes
