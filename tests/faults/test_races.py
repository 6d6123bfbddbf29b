"""F10: four processes start on one run; one trains, and three say who does."""

import re

from glassgpt.train import Run
from tests.faults.conftest import leftovers

RACES, STARTERS = 25, 4


def test_one_of_four_gets_the_run_and_the_others_name_it(nursery, place, command, injected, times):
    endless, short = command(place / "run", steps=10**6, saving={"every": 5}), None
    for number in range(RACES * times):
        run = place / f"run-{number}"
        endless[3] = str(run)
        met = nursery.race("cli", STARTERS, arguments=endless, leave=1)
        (winner,) = [one for one in met if one.code == -9]
        losers = [one for one in met if one is not winner]
        assert [one.code for one in losers] == [75] * 3
        assert {re.findall(r"in use by process (\d+)", one.err)[0] for one in losers} == {str(winner.pid)}
        if number % 5 == 0:  # the lock died with its holder
            steps = (Run(run).latest() or 0) + 1
            short = command(run, steps=steps, saving={"every": 5})
            assert nursery.run("cli", arguments=short).code == 0
            assert leftovers(run) == []
        injected("F10 races")
