"""What a forked child does: a training, with one thing going wrong in it. Each returns its exit code."""

import os
import resource
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import torch

from glassgpt.cli.main import main
from glassgpt.model import GPT2, initialize
from glassgpt.train import Run, Step, train
from glassgpt.train.recipe import Recipe, from_json
from tests.faults.tap import tapped

torch.set_num_threads(1)
DISK_CALLS = ("mkdir", "rename", "replace", "unlink", "rmdir", "fsync", "create", "put", "open")


def cli(arguments: list[str]) -> int:
    """The program itself."""
    return main(arguments)


def go(run: str, data: str, recipe: dict[str, Any], **settings: Any) -> int:
    """Train to the end, or until something ends it; events go to stdout."""
    result = train(from_json(recipe), Path(run), Path(data), device="cpu", listen=show, **settings)
    return 0 if result.signal is None else 128 + result.signal


def show(event: object) -> None:
    """One line for each event but steps."""
    if not isinstance(event, Step):
        print(event, flush=True)


def program(run: str, data: str, recipe: str, *more: str) -> int:
    """The verb `train`."""
    return main(["train", data, "--out", run, "--recipe", recipe, "--device", "cpu", *more])


def crash_at(run: str, data: str, recipe: dict[str, Any], step: int, at: int, keep: int) -> int:
    """Save a checkpoint and prune, and die at the `at`-th point before or after a change to the disk."""
    calls = 0

    def count(when: str, name: str, args: object, kwargs: object) -> None:
        nonlocal calls
        calls += 1
        if calls == at:
            os._exit(9)

    folder, snapshot, tokenizer = Run(Path(run)), *made_up(data, from_json(recipe), step)
    with tapped(count):
        folder.write(snapshot, tokenizer)
        folder.prune(keep)
    return 0


def made_up(data: str | Path, recipe: Recipe, step: int) -> tuple[Any, Any]:
    """A snapshot with weights that depend on the step, and the tokenizer of the data."""
    from glassgpt.tokens import Tokenizer
    from glassgpt.train.checkpoint import Progress, Snapshot

    model = initialize(GPT2(recipe.model), step)
    weights = {name: parameter.detach() for name, parameter in model.named_parameters()}
    remembered = {f"0.0.{name}": weight * 2 for name, weight in weights.items()}
    return Snapshot(recipe.model, weights, remembered, Progress(step=step)), Tokenizer.load(Path(data) / "tokenizer")


def full_disk(run: str, data: str, recipe: dict[str, Any], from_step: int, until_step: int, largest: int) -> int:
    """Files may not grow beyond `largest` bytes between two steps: EFBIG."""

    def squeeze(event: object) -> None:
        show(event)
        if isinstance(event, Step) and event.step == from_step:
            resource.setrlimit(resource.RLIMIT_FSIZE, (largest, resource.RLIM_INFINITY))
        if isinstance(event, Step) and event.step == until_step:
            resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))

    return end(lambda: train(from_json(recipe), Path(run), Path(data), device="cpu", listen=squeeze))


def filled_disk(
    run: str, data: str, recipe: dict[str, Any], from_step: int, until_step: int, left: int, blind: bool
) -> int:
    """Between two steps only `left` bytes of the disk are free; `blind` hides that from the look ahead: ENOSPC."""
    filler = Path(run).parent / "filler"

    def squeeze(event: object) -> None:
        show(event)
        if isinstance(event, Step) and event.step == from_step:
            free = shutil.disk_usage(filler.parent).free
            filler.write_bytes(bytes(max(0, free - left)))
        if isinstance(event, Step) and event.step == until_step:
            filler.unlink(missing_ok=True)

    def act() -> object:
        return train(from_json(recipe), Path(run), Path(data), device="cpu", listen=squeeze)

    if not blind:
        return end(act)
    with mock.patch("glassgpt.train.saving.ROOM", 0.0):
        return end(act)


def failing_disk(run: str, data: str, recipe: dict[str, Any], after_step: int, at: int, number: int) -> int:
    """After a step, the `at`-th change to the disk fails once with this error."""
    armed, calls = False, 0

    def arm(event: object) -> None:
        nonlocal armed
        show(event)
        armed = armed or (isinstance(event, Step) and event.step == after_step)

    def fail(when: str, name: str, args: tuple[Any, ...], kwargs: object) -> None:
        nonlocal calls
        if not armed or when == "after" or name not in DISK_CALLS or "log.jsonl" in str(args[0]):
            return
        calls += 1
        if calls == at:
            print(f"failed {name}", flush=True)
            raise OSError(number, os.strerror(number), *(args[:1] if isinstance(args[0], str | Path) else ()))

    with tapped(fail):
        return end(lambda: train(from_json(recipe), Path(run), Path(data), device="cpu", listen=arm))


def failing_start(arguments: list[str], at: int, number: int) -> int:
    """The program, whose `at`-th change to the disk fails."""
    calls = 0

    def fail(when: str, name: str, args: tuple[Any, ...], kwargs: object) -> None:
        nonlocal calls
        calls += when == "before" and name in DISK_CALLS
        if calls == at and when == "before":
            calls += 1
            raise OSError(number, os.strerror(number), *(args[:1] if isinstance(args[0], str | Path) else ()))

    with tapped(fail):
        return main(arguments)


def out_of_memory(arguments: list[str], step: int, part: int, kind: str, room: int) -> int:
    """The program, short of memory from a step and micro-batch on: told so by PyTorch, by Python, or by the kernel."""
    from glassgpt.train.working import Worker

    calls, real = 0, Worker.loss_sum
    parts = 2

    def loss_sum(*args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == step * parts + part + 1:
            if kind == "kernel":
                used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
                resource.setrlimit(resource.RLIMIT_AS, (used + room, resource.RLIM_INFINITY))
                torch.zeros(1 << 32)
            raise (
                torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
                if kind == "cuda"
                else (MemoryError())
            )
        return real(*args, **kwargs)

    with mock.patch.object(Worker, "loss_sum", loss_sum):
        return main(arguments)


def silent(arguments: list[str], closed: list[int], broken: bool) -> int:
    """The program with some of its streams closed, or at the end of a broken pipe."""
    for number in closed:
        if broken:
            reader, writer = os.pipe()
            os.close(reader)
            os.dup2(writer, number)
            setattr(sys, "stdout" if number == 1 else "stderr", os.fdopen(number, "w", closefd=False))
        else:
            os.close(number)
    return main(arguments)


def deaf(run: str, data: str, recipe: dict[str, Any]) -> int:
    """A metrics service that is down."""

    def fail(event: object) -> None:
        raise ConnectionError("no route to the service")

    return end(lambda: train(from_json(recipe), Path(run), Path(data), device="cpu", listen=fail))


def end(act: Callable[[], object]) -> int:
    """Act, and end as the program would."""
    from glassgpt.cli.exit_codes import code_of
    from glassgpt.errors import GlassGPTError

    try:
        act()
    except (GlassGPTError, OSError) as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
        return code_of(error)
    return 0
