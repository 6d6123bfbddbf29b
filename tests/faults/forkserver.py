"""A process that has imported everything and forks a fresh training in a millisecond, so that it can be killed cheaply.

The server runs no operation of PyTorch itself: its children start their own threads. Requests and answers are lines of
JSON; a request names a function of `jobs.py`, its arguments, and which signals to send after how many seconds.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Outcome:
    """How a child ended: its exit code, or minus the signal that ended it."""

    code: int
    out: str
    err: str
    seconds: float
    """From its start to its end."""
    pid: int


class Nursery:
    """The client: starts the server and asks it for children."""

    def __init__(self, folder: Path) -> None:
        """Import everything once."""
        self.asked = 0
        command = [sys.executable, "-m", "tests.faults.forkserver", str(folder)]
        quiet = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'src'}"}
        self.server = subprocess.Popen(
            command, cwd=ROOT, env=os.environ | quiet, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def run(self, job: str, *, signals: list[tuple[float, int]] = [], limit: float = 240.0, **settings: Any) -> Outcome:  # noqa: B006
        """One child, to its end."""
        return self.race(job, 1, signals=signals, limit=limit, **settings)[0]

    def race(
        self,
        job: str,
        count: int,
        *,
        signals: list[tuple[float, int]] = [],  # noqa: B006
        limit: float = 240.0,
        leave: int = 0,
        **settings: Any,
    ) -> list[Outcome]:
        """Several children let loose at once; when only `leave` are left, those are killed."""
        assert self.server.stdin is not None
        assert self.server.stdout is not None
        self.asked += 1
        request = {"job": job, "count": count, "signals": signals, "limit": limit, "leave": leave, "with": settings}
        self.server.stdin.write(json.dumps({**request, "number": self.asked}) + "\n")
        self.server.stdin.flush()
        while line := self.server.stdout.readline():
            answer = json.loads(line)
            if answer["number"] == self.asked:  # not that to a test which ran out of time
                return [Outcome(**child) for child in answer["children"]]
        raise RuntimeError("the fork server died")

    def close(self) -> None:
        """End the server."""
        self.server.communicate(timeout=300)


def serve(folder: Path) -> None:
    """Answer requests until the client goes away.

    Making its first optimizer, PyTorch imports its compiler, which takes longer than a whole training here: the server
    does it for all.
    """
    import torch

    from glassgpt.train import loop  # noqa: F401
    from tests.faults import jobs

    torch.optim.AdamW([torch.nn.Parameter(torch.zeros(1))])
    for line in sys.stdin:
        request = json.loads(line)
        children = [Child(folder / f"child-{number}") for number in range(request["count"])]
        gate, opener = os.pipe()
        for child in children:
            child.start(getattr(jobs, request["job"]), request["with"], gate, opener)
        os.close(gate)
        began = time.monotonic()
        os.close(opener)  # all children wait for the end of this pipe
        watch(children, request, began)
        print(json.dumps({"number": request["number"], "children": [c.told() for c in children]}), flush=True)


def watch(children: "list[Child]", request: dict[str, Any], began: float) -> None:
    """Send the signals in time and wait for all children."""
    signals = sorted(request["signals"])
    while alive := [child for child in children if not child.ended()]:
        now = time.monotonic() - began
        while signals and now >= signals[0][0]:
            for child in alive:
                child.send(signals[0][1])
            signals.pop(0)
        if now > request["limit"] or len(alive) <= request["leave"]:
            for child in alive:
                child.send(signal.SIGKILL)
        time.sleep(0.0005)


class Child:
    """One forked process, its output in two files."""

    def __init__(self, path: Path) -> None:
        self.path, self.pid, self.began, self.seconds = path, 0, 0.0, 0.0
        self.status: int | None = None

    def start(self, job: Any, settings: dict[str, Any], gate: int, opener: int) -> None:
        """Fork; the child waits at the gate, does its job, and never returns."""
        self.began = time.monotonic()
        self.pid = os.fork()
        if self.pid:
            return
        code = 70
        try:
            os.close(opener)
            for number, suffix in ((1, ".out"), (2, ".err")):
                os.dup2(os.open(self.path.with_suffix(suffix), os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            os.read(gate, 1)
            code = job(**settings)
        except SystemExit as error:
            code = int(error.code or 0)
        except BaseException:
            traceback.print_exc()
        finally:
            for stream in (sys.stdout, sys.stderr):
                with contextlib.suppress(OSError, ValueError):
                    stream.flush()
            os._exit(code)

    def ended(self) -> bool:
        """Whether it is over; remembers how."""
        if self.status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.status, self.seconds = os.waitstatus_to_exitcode(status), time.monotonic() - self.began
        return self.status is not None

    def send(self, number: int) -> None:
        """Send a signal."""
        os.kill(self.pid, number)

    def told(self) -> dict[str, Any]:
        """The fields of an `Outcome`."""
        texts = {name: self.path.with_suffix(f".{name}").read_text(errors="replace") for name in ("out", "err")}
        return {"code": self.status, "pid": self.pid, "seconds": self.seconds, **texts}


if __name__ == "__main__":
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # it is ignored, and would stay so, where tests run under nohup
    serve(Path(sys.argv[1]))
