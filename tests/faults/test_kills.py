"""F1: kill -9 at any moment, as often as you like; the run ends with the weights of one that was left alone."""

import signal

import pytest

from tests.faults.conftest import final, leftovers

KINDS = {
    "float32": {},
    "bfloat16": {"precision": "bfloat16"},
    "bfloat16_weights": {"precision": "bfloat16_weights"},
    "muon": {"optimizer": {"method": "muon"}, "precision": "bfloat16"},
    "ema": {"optimizer": {"ema": 0.9}},
    "muon-ema-bfloat16_weights": {"optimizer": {"method": "muon", "ema": 0.9}, "precision": "bfloat16_weights"},
    "background": {"saving": {"background": True}},
    "keep-best": {"saving": {"keep_best": 2}, "watching": {"evaluate_every": 2}},
}
"""All with dropout."""
KILLS = 25


@pytest.mark.parametrize("kind", KINDS)
def test_a_run_killed_again_and_again_ends_as_one_left_alone(
    nursery, place, data, variant, chance, injected, times, kind
):
    recipe = variant(**KINDS[kind])
    whole = nursery.run("go", run=str(place / "whole"), data=str(data), recipe=recipe)
    assert whole.code == 0, whole.err
    expected, kills, number = final(place / "whole"), 0, 0
    while kills < KILLS * times:
        run, number = place / f"run-{number}", number + 1
        while True:
            moment = chance.uniform(0.0, 0.8) * whole.seconds
            met = nursery.run(
                "go", run=str(run), data=str(data), recipe=recipe, signals=[(moment, int(signal.SIGKILL))]
            )
            if met.code == 0:
                break
            assert met.code == -signal.SIGKILL, met.err
            kills += 1
            injected("F1 kill -9")
        assert final(run) == expected
        assert leftovers(run) == []
        assert number < 400
