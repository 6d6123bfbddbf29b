"""F9: asked to stop at any moment, a run finishes its step, saves it, and says how it ended."""

import signal

import pytest

from glassgpt.train import Run
from tests.faults.conftest import events, final, leftovers

CODES = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129}


@pytest.mark.parametrize("number", CODES, ids=lambda number: number.name)
@pytest.mark.parametrize("background", [False, True], ids=["", "in the background"])
def test_a_signal_saves_the_last_finished_step(nursery, place, command, chance, injected, times, number, background):
    whole = nursery.run("cli", arguments=command(place / "whole"))
    expected = final(place / "whole")
    settings = {"saving": {"every": 100, "background": background}}
    for trial in range(7 * times):
        run = place / f"run-{trial}"
        met = nursery.run(
            "cli", arguments=command(run, **settings), signals=[(chance.uniform(0, whole.seconds), int(number))]
        )
        if met.code == CODES[number]:
            done = [event["step"] for event in events(run) if event["event"] == "step"]
            assert Run(run).latest() == (done[-1] if done else None)
            assert "Traceback" not in met.err
        else:  # before it could listen, or when it was done
            assert met.code in (0, -number), met.err
        assert nursery.run("cli", arguments=command(run, **settings)).code == 0
        assert final(run) == expected
        assert leftovers(run) == []
        injected("F9 signals")


def test_a_second_signal_ends_it_at_once_and_harms_nothing(nursery, place, command, chance, injected, times):
    whole = nursery.run("cli", arguments=command(place / "whole"))
    expected = final(place / "whole")
    for trial in range(9 * times):
        run, moment = place / f"run-{trial}", chance.uniform(0, whole.seconds)
        numbers = [int(chance.choice(list(CODES))) for _ in range(2)]
        later = moment + chance.uniform(0, 0.02)
        met = nursery.run("cli", arguments=command(run), signals=[(moment, numbers[0]), (later, numbers[1])])
        assert met.code in {0, *CODES.values(), *(-number for number in CODES)}, met.err
        assert nursery.run("cli", arguments=command(run)).code == 0
        assert final(run) == expected
        assert leftovers(run) == []
        injected("F9 signals", 2)
