"""Two hosts, each with its own network, name and address; one is killed and comes back."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from glassgpt.train import Run

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

PREFIX = f"gg{os.getpid() % 10_000}"
NAMES = [f"{PREFIX}a", f"{PREFIX}b"]
ADDRESSES = ["10.94.17.1", "10.94.17.2"]
PORT = 29_417


def command(line: str) -> None:
    subprocess.run(line.split(), check=True, capture_output=True)


@pytest.fixture
def hosts() -> Iterator[list[str]]:
    """Two network namespaces with a cable between them; they know each other's names."""
    if shutil.which("ip") is None or shutil.which("unshare") is None:
        pytest.skip("network namespaces need the programs ip (iproute2) and unshare (util-linux)")
    if os.geteuid() != 0:
        pytest.skip("network namespaces need root")
    places = [Path("/etc/netns", name) for name in NAMES]
    try:
        try:
            for name in NAMES:
                command(f"ip netns add {name}")
            command(f"ip link add eth0 netns {NAMES[0]} type veth peer name eth0 netns {NAMES[1]}")
        except subprocess.CalledProcessError as error:
            pytest.skip(f"this machine allows no network namespaces: {error.stderr.decode().strip()}")
        known = [f"{address} {name}" for name, address in zip(NAMES, ADDRESSES, strict=True)]
        known += [f"::ffff:{line}" for line in known]  # how sockets see such an address
        for name, address, place in zip(NAMES, ADDRESSES, places, strict=True):
            command(f"ip -n {name} link set lo up")
            command(f"ip -n {name} addr add {address}/24 dev eth0")
            command(f"ip -n {name} link set eth0 up")
            place.mkdir(parents=True)
            (place / "hosts").write_text("\n".join(["127.0.0.1 localhost", *known, ""]))
        yield NAMES
    finally:
        for name, place in zip(NAMES, places, strict=True):
            subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False)
            shutil.rmtree(place, ignore_errors=True)


class Host:
    """An agent of torchrun on one host, with its workers, in a process group of its own."""

    def __init__(self, name: str, log: Path, *arguments: str) -> None:
        inside = ["ip", "netns", "exec", name, "unshare", "--uts", "sh", "-c", 'hostname "$0"; exec "$@"', name]
        agent = [sys.executable, "-m", "torch.distributed.run", "--nnodes", "2", "--nproc-per-node", "1"]
        meeting = ["--rdzv-backend", "c10d", "--rdzv-endpoint", f"{NAMES[0]}:{PORT}", "--rdzv-id", "lost"]
        patience = ["--rdzv-conf", "last_call_timeout=1,keep_alive_interval=3", "--monitor-interval", "0.2"]
        # An agent that joins later would not hear of a store that earlier ones share: see `docs/ranks.md`.
        environment = os.environ | {"TORCH_DISABLE_SHARE_RDZV_TCP_STORE": "1"}
        with log.open("a") as file:
            self.agent = subprocess.Popen(
                [*inside, *agent, *meeting, *patience, "--max-restarts", "3", *arguments],
                env=environment,
                stdout=file,
                stderr=file,
                start_new_session=True,
            )

    def processes(self) -> list[int]:
        """The agent and everything it started."""
        found, parents = [self.agent.pid], {}
        for status in Path("/proc").glob("[0-9]*/stat"):
            with suppress(OSError):
                fields = status.read_text().rpartition(")")[2].split()
                parents[int(status.parent.name)] = int(fields[1])
        for parent in found:
            found += [pid for pid, its in parents.items() if its == parent]
        return found

    def kill(self) -> None:
        """As when the power goes: nobody says good-bye."""
        for pid in self.processes():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.agent.wait()


def wait_for(run: Path, step: int, host: Host, log: Path) -> None:
    until = time.monotonic() + 180
    while step not in Run(run).steps():
        assert host.agent.poll() is None, log.read_text()
        assert time.monotonic() < until, log.read_text()
        time.sleep(0.05)


def test_a_host_that_is_killed_and_comes_back_changes_nothing(hosts, runs: Path, data: Path, tmp_path: Path):
    run, log = tmp_path / "run", tmp_path / "log"
    program = ["-m", "tests.ranks.host", str(data), str(run)]
    first, second = (Host(name, log, *program) for name in hosts)
    try:
        wait_for(run, 3, first, log)
        second.kill()
        second = Host(hosts[1], log, *program)
        assert first.agent.wait(timeout=300) == 0, log.read_text()
        assert second.agent.wait(timeout=60) == 0, log.read_text()
    finally:
        first.kill()
        second.kill()
    told = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    assert [event["event"] for event in told].count("resumed") == 1, log.read_text()
    for name in ("model.safetensors", "optimizer.safetensors"):
        undisturbed = Run(runs / "whole").folder(10) / name
        assert (Run(run).folder(10) / name).read_bytes() == undisturbed.read_bytes(), name
