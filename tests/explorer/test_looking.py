"""The pages that look inside: what they are sent is what the library returns."""

import numpy as np
import pytest

from glassgpt import interpret
from tests.explorer.conftest import arrays, events


@pytest.fixture
def seen(lm, ids):
    return interpret.trace(lm.model, ids, spell=lm.tokenizer.spell)


def test_one_head_in_full(client, ids, seen):
    found, facts = arrays(client.post("/api/head", json={"ids": ids, "layer": 1, "head": 2, "position": 4}))
    view = interpret.attention(seen, 1, 2)
    np.testing.assert_array_equal(found["row"], view.pattern[4])
    np.testing.assert_array_equal(found["raw_row"], view.raw[4])
    np.testing.assert_array_equal(found["masked"], view.masked[:5, :5])
    np.testing.assert_array_equal(found["k"], view.k)
    np.testing.assert_allclose(found["shown"], 255 * np.sqrt(view.pattern), atol=0.5)
    assert (facts["query"], facts["says"]) == (4, view.describe(4))


def test_one_head_weighted_and_without_the_first_token(client, ids, seen):
    asked = {"ids": ids, "layer": 0, "head": 1, "weighted": True, "hide_first": True}
    found, _ = arrays(client.post("/api/head", json=asked))
    np.testing.assert_array_equal(found["row"], interpret.without_first(interpret.value_weighted(seen, 0, 1))[-1])


def test_all_heads_small_and_from_one_token(client, ids, seen):
    found, _ = arrays(client.post("/api/heads", json={"ids": ids, "layer": 1, "size": 4}))
    assert found["heads"].shape == (3, 4, 4)
    np.testing.assert_allclose(found["heads"], 255 * np.sqrt(interpret.thumbnails(seen, 1, 4)), atol=0.5)
    found, _ = arrays(client.post("/api/looks", json={"ids": ids, "position": 3}))
    np.testing.assert_array_equal(found["looks"], interpret.looks(seen, 3))


def test_the_way_up_and_what_adds_up_to_the_logit(client, ids, seen):
    found, facts = arrays(client.post("/api/journey", json={"ids": ids, "position": 5, "word": 17}))
    np.testing.assert_array_equal(found["vectors"], [seen.residual(stop)[5] for stop in range(5)])
    np.testing.assert_array_equal(found["ranks"], interpret.watch(seen, 17, 5).ranks)
    parts = facts["token"] + facts["place"] + facts["norm"] + found["heads"].sum() + found["mlps"].sum()
    assert parts + found["biases"].sum() == pytest.approx(facts["logit"], abs=1e-4)


def test_inside_a_block_every_stop_leads_to_the_next(client, ids):
    found, _ = arrays(client.post("/api/stop", json={"ids": ids, "layer": 1, "position": 2}))
    np.testing.assert_allclose(found["before"] + found["attention"], found["between"], atol=1e-5)
    np.testing.assert_allclose(found["between"] + found["mlp"], found["after"], atol=1e-5)
    assert (len(found["neurons"]), len(found["queries"])) == (96, 24)


def test_before_and_after_a_change(client, ids, lm, seen):
    asked = {"ids": ids, "changes": ["zero mlp 1"]}
    said = client.post("/api/effect", json=asked).json()
    changed = interpret.trace(lm.model, ids, [interpret.zero(interpret.Mlp(1))])
    wanted = interpret.effect(seen, changed)
    assert said["kl"] == pytest.approx(wanted.kl)
    assert said["words"][0]["before"] == pytest.approx(float(np.exp(wanted.before.max())))
    assert client.post("/api/effect", json={"ids": ids}).json()["kl"] == 0


def test_a_sweep_comes_layer_by_layer_and_is_the_librarys(client, ids, seen):
    first, *layers = events(client.post("/api/sweep", json={"ids": ids, "word": 9}))
    wanted = interpret.sweep(seen, 9)
    assert (first[0], first[1]["word"]["id"]) == ("direct", 9)
    np.testing.assert_allclose(first[1]["heads"], interpret.attribute(seen, 9).heads)
    found = {data["layer"]: data["changes"] for _, data in layers}
    assert list(found) == [1, 0]
    np.testing.assert_allclose([found[0][:-1], found[1][:-1]], wanted.heads, atol=1e-6)


def test_words_as_vectors(client, lm, seen, ids):
    said = client.post("/api/neighbors", json={"plus": [5, 7], "minus": [9], "top": 4}).json()
    wanted = interpret.neighbors(lm.model, [5, 7], [9], 4)
    assert [word["id"] for word in said["words"]] == wanted.ids.tolist()
    ends = client.post("/api/difference", json={"a": 5, "b": 7}).json()
    assert ends["cosine"] == pytest.approx(interpret.difference(lm.model, 5, 7).cosine)
    here = client.post("/api/here", json={"ids": ids, "stop": 3, "position": 2, "top": 3}).json()
    assert [w["id"] for w in here["words"]] == interpret.nearest(lm.model, seen.residual(3)[2], 3).ids.tolist()
    found, facts = arrays(client.post("/api/places", json={}))
    assert (found["cosines"].shape, facts["step"]) == ((48, 48), 1)


def test_weights_are_counted_in_the_model(client, lm):
    bill = client.get("/api/weights").json()
    assert sum(tensor["count"] for tensor in bill["tensors"]) == bill["total"]
    assert bill["total"] == sum(p.numel() for p in lm.model.parameters())
    found, facts = arrays(client.post("/api/weight", json={"name": "h.1.mlp.c_fc.weight", "size": 8}))
    assert (facts["shape"], found["picture"].shape) == ([96, 24], (8, 8))
    assert found["counts"].sum() == 96 * 24
    assert client.post("/api/weight", json={"name": "../x"}).status_code == 400


def test_the_cache_tells_what_was_reused(client, ids):
    client.post("/api/next", json={"ids": ids})
    said = client.post("/api/next", json={"ids": [*ids, 3]}).json()["cache"]
    assert (said["reused"], said["new"]) == (len(ids), 1)
    bill = client.post("/api/cache", json={"ids": [*ids, 3]}).json()
    assert bill["bytes"] == bill["token_bytes"] * (len(ids) + 1) == 2 * 2 * 24 * 4 * (len(ids) + 1)


def test_a_text_is_read_in_windows_like_score(client, lm):
    text = "the dog does not care at all, and the fox jumps over the quick brown dog. " * 4
    found, facts = arrays(client.post("/api/read", json={"text": text}))
    wanted = lm.score(text)
    assert len(wanted.ids) > lm.config.context_length
    np.testing.assert_allclose(found["logprobs"], wanted.logprobs, atol=1e-4)
    assert facts["bits_per_byte"] == pytest.approx(wanted.bits_per_byte)
    assert len(found["ranks"]) == len(facts["tokens"]) == len(wanted.ids)


def test_one_text_read_twice_and_two_texts(client, ids, lm, seen):
    found, facts = arrays(client.post("/api/compare", json={"ids": ids, "changes": ["zero head 0.1"]}))
    other = interpret.trace(lm.model, ids, [interpret.zero(interpret.Head(0, 1))])
    np.testing.assert_array_equal(found["kl"], interpret.compare(seen, other).kl)
    assert len(facts["best_one"]) == len(ids)
    found, _ = arrays(client.post("/api/contrast", json={"ids": ids, "other_ids": ids[::-1]}))
    assert len(found["cosines"]) == 5


def test_habits_are_measured_once(client, workshop):
    said = client.get("/api/habits").json()
    assert "first" in said["says"] or "token" in said["says"]
    assert client.get("/api/habits").json() == said
    assert len(workshop.subject().traces) == 1


@pytest.mark.parametrize("path", ["/api/head", "/api/looks", "/api/journey", "/api/stop", "/api/effect"])
def test_positions_beyond_the_text_are_refused(client, ids, path):
    reply = client.post(path, json={"ids": ids, "position": len(ids)})
    assert reply.status_code == 400
    assert "numbered from 0" in reply.json()["error"]["message"]


@pytest.mark.parametrize(
    ("path", "more"), [("/api/head", {"layer": 2}), ("/api/stop", {"layer": 2}), ("/api/heads", {"layer": 9})]
)
def test_layers_beyond_the_model_are_refused(client, ids, path, more):
    assert client.post(path, json={"ids": ids} | more).status_code == 400


def test_the_last_vector_meets_the_word(client, ids, seen):
    found, _ = arrays(client.post("/api/journey", json={"ids": ids, "position": 5, "word": 17}))
    assert float(found["final"] @ found["row"]) == pytest.approx(float(seen.logits(5)[17]), abs=1e-4)


def test_neurons_that_fire_most_and_what_one_writes(client, ids, seen):
    found, facts = arrays(client.post("/api/neurons", json={"ids": ids, "layer": 1, "position": 2}))
    fired = seen.neurons(1)
    assert facts["neuron"] == facts["neurons"][0] == int(np.abs(fired[2]).argmax())
    np.testing.assert_array_equal(found["along"], fired[:, facts["neuron"]])
    said = interpret.promoted(seen, interpret.Neuron(1, facts["neuron"]), 2, 5)
    assert [word["id"] for word in facts["raised"]] == said.raised.tolist()
    _, facts = arrays(client.post("/api/neurons", json={"ids": ids, "layer": 1, "neuron": 7}))
    assert facts["neuron"] == 7
    assert client.post("/api/neurons", json={"ids": ids, "neuron": 96}).status_code == 400


def test_what_a_word_hangs_on(client, ids, seen):
    found, facts = arrays(client.post("/api/saliency", json={"ids": ids, "word": 9}))
    np.testing.assert_allclose(found["products"], interpret.saliency(seen, 9).products, rtol=1e-5)
    assert (facts["word"]["id"], len(found["lengths"])) == (9, len(ids))


def test_what_attention_and_the_network_of_a_block_say(client, ids, seen):
    _, facts = arrays(client.post("/api/stop", json={"ids": ids, "layer": 0}))
    said = interpret.promoted(seen, interpret.Mlp(0), -1, 5)
    assert [word["id"] for word in facts["mlp_speaks"]["raised"]] == said.raised.tolist()
    assert facts["attention_speaks"]["lowered"][0]["value"] < 0


def test_a_map_of_all_words(client, lm):
    found, facts = arrays(client.post("/api/map", json={}))
    np.testing.assert_array_equal(found["points"], interpret.embedding_map(lm.model).points)
    assert 0 < facts["share"] <= 1


def test_all_probabilities_as_a_curve(client, ids):
    said = client.post("/api/next", json={"ids": ids, "sampling": {"top_k": 5}}).json()
    curve = said["draw"]["curve"]
    assert curve["ranks"][0] == 1
    assert curve["ranks"][-1] == len(said["words"]) + said["others"]["count"]
    assert said["all"][0] == pytest.approx(said["words"][0]["probability"])
    assert sum(share > 0 for share in curve["left"]) == 5


def test_a_model_too_short_for_habits_has_none(tokens_of_three):
    assert tokens_of_three.get("/api/habits").json()["heads"] == {}
