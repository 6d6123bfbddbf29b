"""F14: a run that GlassGPT 0.1 began and left after step 3 of 6 goes on.

`release-0.1/` was written by that release; `losses.json` is what it found in all six steps when it was let go on.
"""

import json
import shutil
from pathlib import Path

import pytest

from glassgpt.checkpoints import load_model
from glassgpt.train import train
from glassgpt.train.recipe import from_json
from tests.faults.conftest import events

OLD = Path(__file__).parent / "release-0.1"


def test_a_run_of_an_old_release_loads_and_goes_on(place, injected):
    shutil.copytree(OLD, place / "old")
    assert load_model(place / "old" / "run").name == "run@3"
    recipe = from_json(json.loads((place / "old" / "run" / "recipe.json").read_text())["recipe"])
    assert (recipe.saving.every, recipe.watching.evaluate_every) == (3, 3)
    assert train(recipe, place / "old" / "run", place / "old" / "data", device="cpu").steps == 6
    losses = [event["loss"] for event in events(place / "old" / "run") if event["event"] == "step"]
    assert losses == pytest.approx(json.loads((OLD / "losses.json").read_text()), rel=1e-4)
    injected("F14 old releases")
