"""The Train page's questions, on a run folder written by hand."""

import json

import pytest
from starlette.testclient import TestClient

from glassgpt.checkpoints import save_model
from glassgpt.explorer import Workshop, create_app
from tests.explorer.conftest import HERE, events


@pytest.fixture
def run(tmp_path):
    folder = tmp_path / "runs" / "first"
    folder.mkdir(parents=True)
    recipe = {"recipe": {"steps": 5000, "rows": 2, "model": {"context_length": 8}}}
    (folder / "recipe.json").write_text(json.dumps(recipe))
    step = {"event": "step", "lr": 1.0, "norm": 2.0, "tokens_per_second": 10.0}
    lines = [json.dumps(step | {"step": n, "loss": 9 - n / 1000}) for n in range(1, 5001)]
    lines.append(json.dumps({"event": "sample", "step": 5000, "prompt": "The", "text": " end <script>"}))
    (folder / "log.jsonl").write_text("\n".join(lines) + "\n")
    return folder


@pytest.fixture
def client(lm, run):
    return TestClient(create_app(Workshop(lm, runs=[run.parent], device="cpu")), base_url=HERE)


def test_runs_are_listed_with_how_far_they_are(client):
    (found,) = client.get("/api/runs").json()["runs"]
    assert (found["name"], found["step"], found["state"]) == ("first", 5000, "done")
    assert found["loss"] == pytest.approx(4.0)


def test_long_curves_keep_their_lowest_and_highest_points(client):
    curve = client.get("/api/runs/first").json()["curves"]["loss"]
    assert len(curve["steps"]) <= 2002
    assert (curve["steps"][0], curve["steps"][-1], min(curve["values"])) == (1, 5000, pytest.approx(4.0))


def test_a_finished_run_is_told_once(client):
    (event,) = events(client.get("/api/runs/first/follow"))
    assert event[0] == "run"
    assert event[1]["samples"][0]["text"] == " end <script>"


@pytest.mark.parametrize("name", ["second", "..", "%2e%2e", "first/../../etc"])
def test_only_listed_runs_are_opened(client, name):
    assert client.get(f"/api/runs/{name}").status_code in (400, 404)


def test_checkpoints_can_be_opened_by_run_and_step(client, lm, run, monkeypatch):
    save_model(lm.model, run / "ckpt" / "step-00005000", tokenizer=lm.tokenizer)
    monkeypatch.setattr("glassgpt.checkpoints.places.verify_manifest", lambda folder: None)
    names = [model["name"] for model in client.get("/api/models").json()["models"]]
    assert names == [lm.name, "first@5000"]
    found = client.get("/api/model", params={"name": "first@5000"}).json()
    assert found["fingerprint"] == client.get("/api/model").json()["fingerprint"]
