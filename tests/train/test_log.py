"""The log keeps what happened, and nothing that happens to the log stops anybody."""

import errno
import json
import os
from pathlib import Path

from glassgpt.train import Step, Trouble
from glassgpt.train.log import Log


def step(number: int) -> Step:
    return Step(number, 1.0, 1.0, 1.0, 1.0)


def steps(path: Path) -> list[int]:
    return [json.loads(line)["step"] for line in path.read_text().splitlines()]


def test_events_are_lines_and_reach_the_listener(tmp_path):
    heard: list[object] = []
    log = Log(tmp_path / "log.jsonl", heard.append)
    for number in (1, 2):
        log.tell(step(number))
    assert steps(log.path) == [1, 2]
    assert heard == [step(1), step(2)]


def test_going_back_forgets_what_lies_after_and_a_line_that_a_crash_cut_short(tmp_path):
    log = Log(tmp_path / "log.jsonl", lambda event: None)
    for number in range(1, 6):
        log.tell(step(number))
    with log.path.open("a") as file:
        file.write('{"event": "step", "st')
    log.cut(3)
    log.tell(step(4))
    assert steps(log.path) == [1, 2, 3, 4]


def test_a_line_that_fails_leaves_no_half_of_it_and_the_next_says_that_it_is_missing(tmp_path, monkeypatch):
    heard: list[object] = []
    log, real = Log(tmp_path / "log.jsonl", heard.append), os.write

    def full(descriptor: int, text: bytes) -> int:
        if len(text) > 10:
            return real(descriptor, text[:10])
        raise OSError(errno.ENOSPC, "No space left on device")

    log.tell(step(1))
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        log.tell(step(2))
        log.tell(step(3))
    assert steps(log.path) == [1]
    log.tell(step(4))
    assert steps(log.path) == [1, 4, 4]
    assert "2 lines" in log.path.read_text()
    troubles = [event for event in heard if isinstance(event, Trouble)]
    assert len(troubles) == 1
    assert "No space left on device" in troubles[0].message


def test_a_listener_that_fails_is_named_once_and_told_on(tmp_path):
    heard: list[object] = []

    def fail(event: object) -> None:
        heard.append(event)
        raise ConnectionError("down")

    log = Log(tmp_path / "log.jsonl", fail)
    for number in (1, 2, 3):
        log.tell(step(number))
    assert len(heard) == 3
    assert log.path.read_text().count("ConnectionError: down") == 1
