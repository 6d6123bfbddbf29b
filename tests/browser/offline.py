"""Look at every page of an installed Explorer: python -m tests.browser.offline PROGRAM, where there is no network.

PROGRAM is the `glassgpt` of an environment of its own. It runs with nothing on its PATH but that environment. What was
seen goes to stdout as JSON, for the test beside this file.
"""

import json
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import glassgpt
from tests.browser.conftest import PAGES, Visit, make_run, start_chromium


def look(program: Path, home: str) -> dict[str, object]:
    """What a person sees who starts the program and opens page after page."""
    make_run(Path(home, "runs", "demo"), glassgpt.load(device="cpu").path)
    command = [program, "explore", "--no-open", "--json", "--device", "cpu"]
    environment = {"PATH": str(program.parent), "HOME": home, "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(command, env=environment, cwd=home, stdout=subprocess.PIPE, text=True) as explorer:
        try:
            assert explorer.stdout
            visit = Visit(start_chromium(), json.loads(explorer.stdout.readline())["url"])
            try:
                visit.open()
                pages = {}
                for name in PAGES:
                    visit.page(name)
                    pages[name] = visit.text("main")
                return {"pages": pages, "complaints": visit.complaints(), "foreign": visit.foreign()}
            finally:
                visit.driver.quit()
        finally:
            explorer.terminate()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as home:
        seen = look(Path(sys.argv[1]), home)
    print(json.dumps({"networks": [name for _, name in socket.if_nameindex()], **seen}))
