"""What was seen once is seen again without a model: the same bytes for the same questions."""

import pytest

from glassgpt.errors import DataError
from tests.explorer.conftest import HERE, arrays, events


@pytest.fixture
def client_of():
    from starlette.testclient import TestClient

    return lambda app, where=HERE: TestClient(app, base_url=where)


@pytest.fixture
def recorded(workshop, client_of, ids, tmp_path):
    """A recording, and the answers that were given while it was made."""
    from glassgpt.explorer import create_app

    path = tmp_path / "seen.jsonl"
    live = client_of(create_app(workshop, record=path))
    asked = [
        ("GET", "/api/models", None),
        ("GET", "/api/model?name=", None),
        ("POST", "/api/next", {"ids": ids, "top": 5}),
        ("POST", "/api/head", {"ids": ids, "layer": 1, "head": 2}),
        ("POST", "/api/sweep", {"ids": ids, "word": 9}),
    ]
    return path, [(one, live.request(one[0], one[1], json=one[2])) for one in asked]


def test_the_same_questions_get_the_same_answers(recorded, client_of):
    from glassgpt.explorer import create_replay

    path, answers = recorded
    again = client_of(create_replay(path))
    for (method, address, body), live in answers:
        replayed = again.request(method, address, json=dict(reversed(body.items())) if body else None)
        assert (replayed.status_code, replayed.content) == (200, live.content)
        assert replayed.headers["content-type"] == live.headers["content-type"]
    assert arrays(again.post("/api/head", json=answers[3][0][2]))[1]["head"] == 2
    assert events(again.post("/api/sweep", json=answers[4][0][2]))[0][0] == "direct"


def test_what_was_not_asked_is_said_to_be_missing(recorded, client_of):
    from glassgpt.explorer import create_replay

    reply = client_of(create_replay(recorded[0])).post("/api/head", json={"ids": [1]})
    assert reply.status_code == 404
    assert "not asked for" in reply.json()["error"]["message"]


def test_refusals_and_keys_are_not_kept(workshop, client_of, tmp_path):
    from glassgpt.explorer import create_app

    path = tmp_path / "seen.jsonl"
    live = client_of(create_app(workshop, hosts=None, key="s3cret", record=path), "http://reachable.example")
    assert live.get("/api/models?key=s3cret").status_code == 200
    assert live.post("/api/head?key=s3cret", json={"ids": [1], "layer": 99}).status_code == 400
    assert live.get("/?key=s3cret").status_code in (200, 503)
    written = path.read_text()
    assert len(written.splitlines()) == 2
    assert "s3cret" not in written


def test_the_wall_stands_before_a_recording_too(recorded, client_of):
    from glassgpt.explorer import create_replay

    reply = client_of(create_replay(recorded[0])).get("/api/models", headers={"host": "evil.example"})
    assert reply.status_code == 421


def test_a_cut_end_is_left_out_and_damage_is_an_error(recorded):
    from glassgpt.explorer.recording import read_recording

    path, _ = recorded
    whole = path.read_text()
    count = len(read_recording(path))
    path.write_text(whole[:-40])
    assert len(read_recording(path)) == count - 1
    lines = whole.splitlines()
    path.write_text("\n".join([*lines[:2], "{", *lines[2:]]))
    with pytest.raises(DataError, match="damaged in line 3"):
        read_recording(path)
    for text in ("", "{}\n", "no json\n"):
        path.write_text(text)
        with pytest.raises(DataError, match="is no recording"):
            read_recording(path)
    with pytest.raises(DataError, match="is no recording"):
        read_recording(path.with_name("absent"))


def test_a_recording_needs_a_place(workshop, tmp_path):
    from glassgpt.explorer import create_app

    with pytest.raises(DataError, match="cannot write"):
        create_app(workshop, record=tmp_path / "absent" / "seen.jsonl")
