"""F13: nobody can be told anything any more. Training goes on."""

import pytest

from tests.faults.conftest import events, final


@pytest.fixture
def expected(nursery, place, command):
    """What a run that is listened to ends with."""
    assert nursery.run("cli", arguments=command(place / "whole")).code == 0
    return final(place / "whole")


@pytest.mark.parametrize("closed", [[1], [2], [1, 2]], ids=["stdout", "stderr", "both"])
@pytest.mark.parametrize("broken", [False, True], ids=["closed", "broken pipe"])
def test_a_closed_stream_does_not_end_a_run(nursery, place, command, injected, expected, closed, broken):
    met = nursery.run("silent", arguments=[*command(place / "run"), "-v"], closed=closed, broken=broken)
    assert met.code == 0, met
    assert final(place / "run") == expected
    injected("F13 silences")


def test_a_full_disk_under_the_log_does_not_end_a_run(nursery, place, data, variant, command, injected, expected):
    run = place / "run"
    run.mkdir()
    (run / "log.jsonl").symlink_to("/dev/full")
    met = nursery.run("cli", arguments=command(run))
    assert met.code == 0, met.err
    assert "No space left on device; training goes on without a log" in met.err
    assert final(run) == expected
    injected("F13 silences")


def test_a_log_that_was_full_for_a_while_says_how_much_is_missing(nursery, place, data, variant, injected, expected):
    run = place / "run"
    met = nursery.run(
        "full_disk", run=str(run), data=str(data), recipe=variant(saving={"every": 100}),
        from_step=3, until_step=8, largest=10,
    )  # fmt: skip
    assert met.code == 0, met.err
    assert [event["step"] for event in events(run) if event["event"] == "step"] == [1, 2, 3, 9, 10, 11, 12]
    assert any("6 lines could not be written" in event.get("message", "") for event in events(run))
    assert final(run) == expected
    injected("F13 silences")


def test_a_log_that_is_a_folder_does_not_end_a_run(nursery, place, command, injected, expected):
    (place / "run" / "log.jsonl").mkdir(parents=True)
    met = nursery.run("cli", arguments=command(place / "run"))
    assert met.code == 0, met.err
    assert final(place / "run") == expected
    injected("F13 silences")


def test_a_metrics_service_that_is_down_does_not_end_a_run(nursery, place, data, variant, injected, expected):
    met = nursery.run("deaf", run=str(place / "run"), data=str(data), recipe=variant())
    assert met.code == 0, met.err
    assert final(place / "run") == expected
    told = [event for event in events(place / "run") if event.get("kind") == "watching"]
    assert len(told) == 1
    assert "no route to the service" in told[0]["message"]
    injected("F13 silences")
