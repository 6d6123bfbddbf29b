"""The Write page's questions: tokens, next words, the draw, writing on."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassgpt.engine import Request, generate
from glassgpt.explorer.drawn import highest
from glassgpt.sampling import SamplingParams
from tests.explorer.conftest import events


def test_a_text_becomes_tokens_and_comes_back(client, lm):
    text = "the fox 🦊 jumps\n"
    tokens = client.post("/api/tokens", json={"text": text}).json()["tokens"]
    assert [token["id"] for token in tokens] == lm.tokenizer.encode(text)
    assert any("bytes" in token and "text" not in token for token in tokens)  # pieces of the fox
    named = client.post("/api/names", json={"ids": [token["id"] for token in tokens]}).json()
    assert (named["text"], named["tokens"]) == (text, tokens)


def test_merges_start_at_bytes_and_end_at_the_tokens(client, lm):
    pieces = client.post("/api/merges", json={"text": "the quick"}).json()["pieces"]
    assert pieces[0]["states"][0] == [{"text": c} for c in "the"]
    ended = [part["text"] for piece in pieces for part in piece["states"][-1]]
    assert ended == [lm.tokenizer.decode([token]) for token in lm.tokenizer.encode("the quick")]


def test_the_next_words_are_the_librarys(client, lm, ids):
    said = client.post("/api/next", json={"ids": ids, "top": 7}).json()
    wanted = lm.next_words("the quick brown fox jumps over the", 7)
    assert [word["id"] for word in said["words"]] == [word.id for word in wanted]
    assert np.allclose(
        [word["probability"] for word in said["words"]], [word.probability for word in wanted], atol=1e-6
    )
    assert said["others"]["count"] == lm.config.vocab_size - 7
    whole = sum(word["probability"] for word in said["words"]) + said["others"]["probability"]
    assert whole == pytest.approx(1, abs=1e-5)


def test_no_text_is_read_as_the_start_of_a_document(client, lm):
    assert client.post("/api/next", json={}).json()["ids"] == [lm.tokenizer.end_of_text]


@pytest.mark.parametrize("seed", range(6))
def test_the_word_on_the_ruler_is_the_one_that_is_written(client, lm, ids, seed):
    sampling = {"temperature": 1.3, "top_k": 20, "top_p": 0.95, "seed": seed}
    drawn = client.post("/api/next", json={"ids": ids, "sampling": sampling}).json()["draw"]
    params = SamplingParams(max_new_tokens=1, **sampling)
    written = generate(lm.backend, [Request(ids, params)], lm.tokenizer)[0][0].ids[0]
    assert drawn["chosen"]["id"] == written
    assert min(drawn["race"], key=lambda racer: racer["time"] or np.inf)["id"] == written
    assert [stage["name"] for stage in drawn["stages"]] == ["raw", "temperature", "top_k", "top_p"]
    assert drawn["stages"][2]["kept"] == 20


def test_written_on_it_is_what_generate_writes(client, lm, ids):
    sampling = {"temperature": 0.9, "seed": 5}
    happened = events(client.post("/api/write", json={"ids": ids, "count": 6, "sampling": sampling}))
    params = SamplingParams(max_new_tokens=6, window="slide", **sampling)
    assert (
        tuple(data["id"] for _, data in happened)
        == generate(lm.backend, [Request(ids, params)], lm.tokenizer)[0][0].ids
    )
    assert [data["finish"] for _, data in happened][-1] == "length"


def test_it_is_written_under_the_changes_that_are_asked_for(client, ids):
    def write(changes):
        asked = {"ids": ids, "count": 8, "sampling": {"temperature": 1.5, "seed": 1}, "changes": changes}
        return [data["id"] for _, data in events(client.post("/api/write", json=asked))]

    assert write(["scale stream 1 by -1"]) != write([])
    assert write(["scale head 0.1 by 1.0"]) == write([])


@pytest.mark.parametrize(
    ("asked", "status", "said"),
    [
        ({"ids": [290]}, 400, "from 0 to 289"),
        ({"ids": [-1]}, 422, "ids.0"),
        ({"ids": [0] * 49}, 400, "49 tokens"),
        ({"ids": [0] * 5000}, 422, "4096"),
        ({"top": 0}, 422, "top"),
        ({"sampling": {"top_p": 0}}, 400, "top_p"),
        ({"sampling": {"temperature": "NaN"}}, 422, "temperature"),
        ({"sampling": {"heat": 1}}, 422, "heat"),
        ({"model": "../../secret"}, 404, "list of models"),
        ({"changes": ["zero head 9.9"]}, 400, "head 9.9"),
        ({"changes": ["explode"]}, 400, "zero, scale"),
        ({"changes": ["zero head 0.0"] * 65}, 422, "64"),
    ],
)
def test_what_cannot_be_is_refused_with_a_reason(client, asked, status, said):
    reply = client.post("/api/next", json=asked)
    assert reply.status_code == status
    assert said in reply.json()["error"]["message"]


@given(st.lists(st.sampled_from([-2.0, -1.0, 0.0, 0.5, 3.0]), min_size=1, max_size=30), st.data())
def test_the_highest_are_the_first_of_all_in_order(scores, data):
    array = np.array(scores, dtype=np.float32)
    top = data.draw(st.integers(1, len(scores)))
    assert highest(array, top) == np.argsort(-array, kind="stable")[:top].tolist()
