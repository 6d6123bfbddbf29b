"""F8: no memory left, whoever says so."""

import pytest

from tests.faults.conftest import final


@pytest.mark.parametrize("kind", ["cuda", "python", "kernel"])
def test_a_run_out_of_memory_says_what_needs_less_and_keeps_its_checkpoint(
    nursery, place, command, chance, injected, times, kind
):
    for number in range(7 * times):
        run, step = place / f"{kind}-{number}", chance.randrange(2, 12)
        arguments = command(run)
        met = nursery.run(
            "out_of_memory", arguments=arguments, step=step, part=chance.randrange(2), kind=kind, room=8 << 20
        )
        assert met.code == 12, met.err
        assert "Try micro_rows=1 (rows stay 4), recompute=true" in met.err
        assert "Traceback" not in met.err
        assert final(run)[0] == step
        injected("F8 out of memory")
    assert nursery.run("cli", arguments=arguments).code == 0
