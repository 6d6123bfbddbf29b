"""The model as a function: what it depends on, what it does not, and that the ladder notices when it is wrong."""

from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from glassgpt.model import GPT2, initialize
from glassgpt.model.attend import explicit
from glassgpt.model.gpt2 import MLP
from tests.oracle.parity import next_token_loss
from tests.oracle.twins import CASES, attentions, documents, ours, padded, random_ids, random_weights, theirs

TIGHT = {"rtol": 0, "atol": 2e-6}


def test_forward_is_hidden_then_logits(model, ids):
    assert torch.equal(model(ids), model.logits(model.hidden(ids)))


def test_the_last_hidden_state_alone_gives_the_last_logits(model, ids):
    assert_close(model.logits(model.hidden(ids)[:, -1]), model(ids)[:, -1], **TIGHT)


def test_a_row_does_not_depend_on_its_neighbours(model, ids):
    assert_close(torch.cat([model(row[None]) for row in ids]), model(ids), **TIGHT)


def test_each_prefix_gives_the_logits_of_the_whole(model, ids):
    for length in range(1, ids.shape[1] + 1):
        assert_close(model(ids[:, :length]), model(ids)[:, :length], **TIGHT)


def test_the_same_word_means_something_else_elsewhere(model):
    ids = torch.full((1, 4), 7)
    logits = model(ids)[0]
    assert not torch.allclose(logits[1:], logits[:-1])


def test_reading_in_eval_mode_is_bitwise_repeatable(config, ids):
    model = initialize(GPT2(replace(config, drop_rate=0.5)), seed=0).eval()
    assert torch.equal(model(ids), model(ids))


def test_training_mode_drops_and_a_rate_of_zero_drops_nothing(config, model, ids):
    dropping = initialize(GPT2(replace(config, drop_rate=0.5)), seed=0).train()
    assert not torch.equal(dropping(ids), dropping(ids))
    assert torch.equal(model.train()(ids), model.eval()(ids))


def test_no_query_key_value_bias_is_a_bias_of_zero(config, model, ids):
    bare = GPT2(replace(config, qkv_bias=False)).eval()
    state = {name: w for name, w in model.state_dict().items() if not name.endswith("c_attn.bias")}
    bare.load_state_dict(state)
    for attention in attentions(model):
        attention.c_attn.bias.data.zero_()
    assert_close(bare(ids), model(ids), **TIGHT)


def test_an_untied_head_with_the_embedding_in_it_is_the_tied_model(config, model, ids):
    untied = GPT2(replace(config, tie_embeddings=False)).eval()
    untied.load_state_dict({**model.state_dict(), "lm_head.weight": model.wte.weight})
    assert torch.equal(untied(ids), model(ids))


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("attention", ["sdpa", "eager"])
def test_padding_changes_nothing_for_the_text(side, attention):
    case = CASES["deep"]
    model = ours(case.config, random_weights(case.config), torch.float32, attention)
    ids = random_ids(case.config, 1, 12)
    real = torch.arange(12)[None] >= 5 if side == "left" else torch.arange(12)[None] < 7
    assert_close(model(ids, padded(real))[real], model(ids[real][None])[0], **TIGHT)


def test_packed_documents_give_the_logits_of_each_alone(model, ids):
    owner = torch.tensor([0, 0, 0, 1, 1, 1, 1, 1, 2, 3, 3]).expand(3, -1)
    alone = torch.cat([model(ids[:, owner[0] == text]) for text in range(4)], dim=1)
    assert_close(model(ids, documents(owner)), alone, **TIGHT)


def test_ids_of_any_integer_type_read_the_same(model, ids):
    assert torch.equal(model(ids.int()), model(ids))


def test_a_token_out_of_place_is_an_error_not_nonsense(model, config):
    with pytest.raises(IndexError):
        model(torch.zeros(1, config.context_length + 1, dtype=torch.long))
    with pytest.raises(IndexError):
        model(torch.full((1, 1), config.vocab_size))


def test_the_loss_is_transformers_own():
    case = CASES["wide, no query-key-value bias"]
    weights = random_weights(case.config)
    ids = random_ids(case.config, 3, 40)
    other = theirs(case.config, weights, torch.float32)
    assert_close(
        next_token_loss(ours(case.config, weights, torch.float32)(ids), ids), other(ids, labels=ids).loss, **TIGHT
    )


def widen_epsilon(model):
    for module in model.modules():
        if isinstance(module, nn.LayerNorm):
            module.eps = 1e-6


def bend_exactly(model):
    for mlp in (module for module in model.modules() if isinstance(module, MLP)):
        mlp.act = torch.nn.functional.gelu


def scale_by_the_model_width(model):
    for attention in attentions(model):
        attention.scale = model.config.emb_dim**-0.5


def swap_keys_and_values(model):
    for attention in attentions(model):
        q, k, v = attention.c_attn.weight.data.chunk(3)
        attention.c_attn.weight.data = torch.cat([q, v, k])


def transpose_a_square_projection(model):
    for attention in attentions(model):
        attention.c_proj.weight.data = attention.c_proj.weight.data.T.contiguous()


def look_one_token_ahead(model):
    def attend(q, k, v, mask, scale, drop_rate=0.0):
        length = q.shape[-2]
        return explicit(q, k, v, torch.ones(length, length, dtype=torch.bool).tril(1)[None, None], scale)

    for attention in attentions(model):
        attention.attend = attend


def skip_the_last_normalisation(model):
    model.ln_f = nn.Identity()


def start_positions_at_one(model):
    model.wpe.weight.data = model.wpe.weight.data.roll(-1, 0)


@pytest.mark.parametrize(
    "fault",
    [
        widen_epsilon,
        bend_exactly,
        scale_by_the_model_width,
        swap_keys_and_values,
        transpose_a_square_projection,
        look_one_token_ahead,
        skip_the_last_normalisation,
        start_positions_at_one,
    ],
)
def test_the_ladder_notices_a_model_with_one_fault(fault):
    case = CASES["deep"]
    weights = random_weights(case.config)
    ids = random_ids(case.config, 2, 20)
    faulty = ours(case.config, weights, torch.float32)
    fault(faulty)
    with torch.no_grad():
        error = (faulty(ids) - theirs(case.config, weights, torch.float32)(ids).logits).abs().max()
    assert error > 2e-5, "ten times what the ladder allows"
