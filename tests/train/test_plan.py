"""The plan: what it counts is exact, what it reckons is near."""

import json
import subprocess
import sys
from dataclasses import replace

import pytest

from glassgpt.train.plan import memory, plan
from glassgpt.train.recipe import changed

MEASURE = """
import json, resource, sys, torch
from glassgpt.recipes import RECIPES
from glassgpt.train.allocator import keep_large_blocks
from glassgpt.train.learner import learner
from glassgpt.train.plan import _batch, memory
from glassgpt.train.recipe import changed

def resident():
    return int(open("/proc/self/statm").read().split()[1]) * resource.getpagesize()

torch.set_num_threads(1)
keep_large_blocks()
name, changes = json.loads(sys.argv[1])
recipe = changed(RECIPES[name](), changes)
warm = learner(changed(RECIPES["tiny"](300), {"rows": 1, "precision": recipe.precision}), "cpu")
warm.step(0, _batch(warm, 1), 0.0)
before = resident()
trial = learner(recipe, "cpu")
for step in range(2):
    trial.step(step, _batch(trial, recipe.rows), 0.1)
status = open("/proc/self/status").read()  # ru_maxrss would count what the process that started this one held
peak = int(status.split("VmHWM:")[1].split()[0]) * 1024
print(json.dumps([peak - before, memory(recipe).total]))
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("embedded", {"rows": 8, "micro_rows": 8}),
        ("embedded", {"rows": 8, "micro_rows": 8, "precision": "float32", "optimizer.method": "adamw"}),
        ("shakespeare-char", {"rows": 64, "micro_rows": 64}),
    ],
)
def test_memory_is_within_a_fifth_of_what_a_run_takes(name, changes):
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, json.dumps([name, changes])], capture_output=True, text=True, timeout=280
    )
    assert done.returncode == 0, done.stderr
    taken, planned = json.loads(done.stdout.splitlines()[-1])
    assert planned == pytest.approx(taken, rel=0.2)


def test_more_rows_recomputing_and_chunks_change_what_they_should(recipe):
    base = replace(recipe, rows=4, micro_rows=4, loss_rows=0)
    twice, again = memory(replace(base, rows=8, micro_rows=8)), memory(replace(base, recompute=True))
    assert memory(base).activations * 1.7 < twice.activations < memory(base).activations * 2.1
    assert again.activations < memory(base).activations
    assert memory(replace(base, loss_rows=8)).loss < memory(base).loss
    assert memory(replace(base, rows=8)).activations == memory(base).activations  # four at once


def test_optimizers_remember_what_they_do(recipe):
    adamw = memory(recipe)
    assert adamw.optimizer == 2 * adamw.weights
    assert memory(changed(recipe, {"optimizer.method": "muon"})).optimizer < adamw.optimizer
    assert memory(changed(recipe, {"optimizer.ema": 0.9})).average == adamw.weights


def test_a_plan_counts_tokens_and_passes_over_the_data(recipe):
    found = plan(recipe, data_tokens=1_000, device="cpu")
    assert found.tokens == recipe.steps * recipe.tokens_per_step
    assert found.epochs == found.tokens / 1_000
    assert found.flops > 6 * found.tokens * found.parameters / 2
    assert found.seconds > 0
    assert found.memory.total > 3 * found.memory.weights
