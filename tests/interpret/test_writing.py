"""A model writes under interventions, through the engine, what it would write token by token by hand."""

import pytest
import torch

from glassgpt.engine import Request, TorchBackend, generate, score_ids
from glassgpt.interpret import Edge, Head, Mlp, Stream, patch, reading, scale, trace, zero
from glassgpt.model import GPT2, GPT2Config, initialize
from glassgpt.sampling import SamplingParams

GREEDY = SamplingParams(temperature=0.0, max_new_tokens=12, ignore_eos=True, seed=0)


@pytest.fixture(scope="module")
def bold():
    """A model in single precision that does not repeat one word for ever."""
    config = GPT2Config(vocab_size=61, context_length=24, emb_dim=24, n_heads=3, n_layers=2, drop_rate=0.0)
    model = initialize(GPT2(config), seed=0).eval()
    with torch.no_grad():
        for weight in model.parameters():
            weight.mul_(1 if weight.ndim == 1 else 6)
    return model


def by_hand(model, ids, interventions):
    ids = list(ids)
    for _ in range(GREEDY.max_new_tokens):
        ids.append(int(trace(model, ids, interventions).logits().argmax()))
    return tuple(ids[-GREEDY.max_new_tokens :])


def test_without_interventions_nothing_changes(bold):
    plain, watched = (TorchBackend(bold, pack=False, hidden=hidden) for hidden in (GPT2.hidden, reading()))
    assert generate(plain, [Request([1, 2], GREEDY)]) == generate(watched, [Request([1, 2], GREEDY)])


def test_writing_under_interventions_is_reading_under_them(bold):
    source = trace(bold, [9, 8, 7])
    done = [
        zero(Head(0, 1)),
        scale(Mlp(1), 1.5),
        zero(Edge(5, 2)),
        zero(Edge(9, 8, 1, 2)),
        zero(Edge(0, 0, 1)),
        patch(Stream(1, 2), source),
    ]
    prompts = [[1, 2, 3, 4], [5, 6, 7, 8, 9, 10, 11]]
    backend = TorchBackend(bold, hidden=reading(*done))
    answers = generate(backend, [Request(ids, GREEDY) for ids in prompts])
    plain = generate(TorchBackend(bold), [Request(ids, GREEDY) for ids in prompts])
    assert [one.ids for (one,) in answers] == [by_hand(bold, ids, done) for ids in prompts]
    assert [one.ids for (one,) in plain] != [one.ids for (one,) in answers]


def test_a_text_is_scored_under_interventions(bold):
    ids, done = [3, 1, 4, 1, 5, 9], [zero(Mlp(0))]
    seen = trace(bold, ids, done)
    expected = seen.scores(seen.stream[-1]).log_softmax(-1)[range(5), ids[1:]]
    scored = torch.from_numpy(score_ids(TorchBackend(bold, hidden=reading(*done)), ids))
    torch.testing.assert_close(scored, expected, rtol=1e-4, atol=1e-4)
