"""The logit lens, and a watched word."""

import numpy as np
import pytest

from glassgpt.interpret import lens, lens_of_layer, trace, watch
from tests.interpret.insides import head_of
from tests.interpret.test_trace import close
from tests.oracle.numpy_gpt2 import normalize


def expected(twins, position):
    """Probabilities at each stop: N V."""
    stream = np.stack([stop[position] for stop in twins.insides.stream])
    logits = normalize(twins.weights, "ln_f", twins.config, stream) @ head_of(twins.weights, twins.config).T
    power = np.exp(logits - logits.max(-1, keepdims=True))
    return logits, power / power.sum(-1, keepdims=True)


def test_the_lens_shows_the_likeliest_words_at_each_stop(twins):
    for position in (0, 7):
        found, (_, chances) = lens(trace(twins.model, twins.ids), position, top=5), expected(twins, position)
        best = np.argsort(-chances, axis=-1, kind="stable")[:, :5]
        assert (found.ids == best).all()
        close(found.probabilities, np.take_along_axis(chances, best, axis=-1))
        close(found.lengths, [np.linalg.norm(stop[position]) for stop in twins.insides.stream])


def test_the_last_stop_is_what_the_model_says(deep):
    seen = trace(deep.model, deep.ids)
    assert lens(seen, 3).ids[-1, 0] == seen.logits(3).argmax()


def test_a_watched_word_has_its_rank_and_logit_at_each_stop(twins):
    for word in (0, 20, twins.ids[2]):
        found, (logits, chances) = watch(trace(twins.model, twins.ids), word, 4), expected(twins, 4)
        close(found.logits, logits[:, word])
        close(found.probabilities, chances[:, word])
        assert found.ranks.tolist() == [1 + int((row > row[word]).sum()) for row in logits]


def test_a_row_of_the_lens_has_each_positions_best_word(deep):
    seen = trace(deep.model, deep.ids)
    row = lens_of_layer(seen, 5, 2, 6)
    assert row.ids[:, 0].tolist() == [int(lens(seen, position, 1).ids[5, 0]) for position in range(2, 6)]


def test_a_lens_and_a_watched_word_speak(deep):
    seen = trace(deep.model, deep.ids, spell=lambda token: f"w{token}")
    best = int(seen.logits().argmax())
    assert f"ends with ‘w{best}’" in lens(seen).describe()
    said = watch(seen, best).describe()
    assert said.startswith(f"‘w{best}’ is rank ")
    assert "and rank 1 at the end" in said


def test_a_word_outside_the_vocabulary_is_refused(deep):
    with pytest.raises(ValueError, match="word=257"):
        watch(trace(deep.model, deep.ids), 257)
