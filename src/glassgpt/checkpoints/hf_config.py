"""Hugging Face's `config.json` for GPT-2 ⇄ `GPT2Config`, with every key accounted for.

A key that changes what the model computes is honoured or refused by name; a key we do not know is named in a warning.
"""

import logging
from dataclasses import fields
from pathlib import Path

from glassgpt.checkpoints.json_file import Json, read_json, shown
from glassgpt.checkpoints.quantization import quantization_of
from glassgpt.errors import CheckpointError, InvalidParameter
from glassgpt.model import GPT2Config

CONFIG = "config.json"
MAX_LAYERS = 1_000
MAX_SIZE = 1 << 31
"""No real model comes near; together they keep the arithmetic on a forged config small."""

# fmt: off
SAME_VALUE = {
    # Hugging Face:                    ours
    "vocab_size":                      "vocab_size",
    "n_positions":                     "context_length",
    "n_embd":                          "emb_dim",
    "n_head":                          "n_heads",
    "n_layer":                         "n_layers",
    "n_inner":                         "mlp_dim",
    "resid_pdrop":                     "drop_rate",
    "layer_norm_epsilon":              "layer_norm_eps",
    "scale_attn_weights":              "scale_attn_weights",
    "scale_attn_by_inverse_layer_idx": "scale_attn_by_inverse_layer_idx",
    "reorder_and_upcast_attn":         "reorder_and_upcast_attn",
    "tie_word_embeddings":             "tie_embeddings",
    "qkv_bias":                        "qkv_bias",  # our own key, see `config_to_hf`
}
"""Keys that mean one field of ours; where a key is absent both sides have the same default."""
OTHER_SPELLINGS = {
    "hidden_size": "n_embd", "num_attention_heads": "n_head", "num_hidden_layers": "n_layer",
    "max_position_embeddings": "n_positions",
}
ACTIVATIONS = {
    "gelu_new": "gelu_new", "gelu_pytorch_tanh": "gelu_new", "gelu_fast": "gelu_new", "gelu_accurate": "gelu_new",
    "gelu": "gelu", "gelu_python": "gelu", "relu": "relu", "silu": "silu", "swish": "silu", "tanh": "tanh",
}
"""Names in transformers that are one and the same function share a value here."""
NO_HEADS: dict[str, object] = {}
REFUSED: dict[str, tuple[object, ...]] = {
    # key:                   the values that change nothing
    "add_cross_attention":     (False, None),
    "is_encoder_decoder":      (False, None),
    "pruned_heads":            (NO_HEADS, None),
    "multi_query":             (False, None),
    "position_embedding_type": ("absolute", "learned", None),
    "alibi":                   (False, None),
    "rotary_dim":              (0, None),
    "rope_theta":              (None,),
    "rope_scaling":            (None,),
    "rope_parameters":         (None,),
    "sliding_window":          (None,),
    "embeddings_scale":        (1, None),
    "width_scale":             (1, None),
    "mup_width_scale":         (1, None),
    "mup_embeddings_scale":    (1, None),
    "mup_output_alpha":        (1, None),
}
"""Keys that make another model of it."""
WITHOUT_EFFECT = frozenset(
    """
    _attn_implementation_autoset _name_or_path activation_function architectures attn_implementation attn_pdrop
    bad_words_ids begin_suppress_tokens bos_token_id chunk_size_feed_forward cross_attention_hidden_size
    decoder_start_token_id diversity_penalty do_sample dtype early_stopping embd_pdrop
    encoder_no_repeat_ngram_size eos_token_id exponential_decay_length_penalty finetuning_task forced_bos_token_id
    forced_eos_token_id gradient_checkpointing id2label initializer_range is_decoder label2id length_penalty
    max_length min_length model_type n_ctx n_special no_repeat_ngram_size num_beam_groups num_beams
    num_return_sequences output_attentions output_hidden_states output_past output_scores pad_token_id
    predict_special_tokens prefix problem_type quantization_config remove_invalid_values repetition_penalty return_dict
    return_dict_in_generate sep_token_id summary_activation summary_first_dropout summary_proj_to_labels
    summary_type summary_use_proj suppress_tokens task_specific_params temperature tf_legacy_loss
    tie_encoder_decoder tokenizer_class top_k top_p torch_dtype torchscript transformers_version typical_p
    use_bfloat16 use_cache
    """.split()  # noqa: SIM905  a list literal would take sixty lines
)
"""Keys that are read elsewhere, concern training or decoding, or other kinds of head."""
# fmt: on

_log = logging.getLogger(__name__)


def read_config(folder: Path | str) -> GPT2Config:
    """The shape of the model in a Hugging Face folder."""
    path = Path(folder) / CONFIG
    return config_from_hf(read_json(path), str(path))


def config_from_hf(raw: Json, origin: str = CONFIG) -> GPT2Config:
    """The shape that a parsed `config.json` describes; `origin` names it in errors."""
    keys = {OTHER_SPELLINGS.get(key, key): value for key, value in raw.items()}
    _need_gpt2(keys, origin)
    _refuse_other_models(keys, origin)
    quantization_of(keys, origin)
    _warn_about_unknown(keys, origin)
    keys.setdefault("n_positions", keys.get("n_ctx", GPT2Config().context_length))
    values = {ours: keys[theirs] for theirs, ours in SAME_VALUE.items() if theirs in keys}
    values["activation"] = _activation(keys.get("activation_function", "gelu_new"), origin)
    values["drop_rate"] = _drop_rate(keys, origin)
    return _build(values, origin)


def config_to_hf(config: GPT2Config) -> Json:
    """The `config.json` that transformers, and other programs that read such folders, need for this shape.

    GPT-2 without a bias on queries, keys and values has no flag there: the biases are stored as zeros, which computes
    the same, and our own key `qkv_bias: false`, which others ignore, makes the folder load here as it was saved.
    """
    same = {theirs: getattr(config, ours) for theirs, ours in SAME_VALUE.items() if theirs != "qkv_bias"}
    return {
        "architectures": ["GPT2LMHeadModel"],
        "model_type": "gpt2",
        **same,
        "n_ctx": config.context_length,  # the older name, which some programs still insist on
        "activation_function": config.activation,
        "attn_pdrop": config.drop_rate,
        "embd_pdrop": config.drop_rate,
        "initializer_range": 0.02,
        "use_cache": True,
        **({} if config.qkv_bias else {"qkv_bias": False}),
    }


def _need_gpt2(keys: Json, origin: str) -> None:
    kind = keys.get("model_type")
    if kind is None and "n_embd" in keys:
        return  # the first GPT-2 configs had no model_type
    if kind != "gpt2":
        raise CheckpointError(f"{origin}: model_type is {str(kind)[:80]!r}; only 'gpt2' can be loaded.")


def _refuse_other_models(keys: Json, origin: str) -> None:
    for key, harmless in REFUSED.items():
        if key in keys and not any(keys[key] == value for value in harmless):
            raise CheckpointError(
                f"{origin}: {key}={str(keys[key])[:80]} is not supported; it makes another model of GPT-2."
            )


def _warn_about_unknown(keys: Json, origin: str) -> None:
    unknown = sorted(keys.keys() - SAME_VALUE.keys() - REFUSED.keys() - WITHOUT_EFFECT)
    if "scale_attn_by_layer_idx" in unknown:
        unknown.remove("scale_attn_by_layer_idx")
        _log.warning(
            "%s: scale_attn_by_layer_idx is a misspelling that transformers ignores, and so do we; "
            "the real key is scale_attn_by_inverse_layer_idx.",
            origin,
        )
    if unknown:
        _log.warning("%s: ignoring keys GPT-2 does not have: %s", origin, shown(", ".join(unknown), 500))


def _activation(name: object, origin: str) -> str:
    if not isinstance(name, str) or name not in ACTIVATIONS:
        known = ", ".join(ACTIVATIONS)
        raise CheckpointError(f"{origin}: activation_function={str(name)[:80]!r} is unknown; supported are {known}.")
    return ACTIVATIONS[name]


def _drop_rate(keys: Json, origin: str) -> object:
    rates = [keys.get(key, GPT2Config().drop_rate) for key in ("resid_pdrop", "embd_pdrop", "attn_pdrop")]
    if any(rate != rates[0] for rate in rates):
        _log.warning(
            "%s: dropout rates %s differ; training would use resid_pdrop, %s, for all.", origin, rates, rates[0]
        )
    return rates[0]


def _build(values: Json, origin: str) -> GPT2Config:
    defaults = {field.name: field.default for field in fields(GPT2Config)}
    checked = {name: _of_kind(name, value, defaults[name], origin) for name, value in values.items()}
    try:
        return GPT2Config(**checked)  # pyrefly: ignore  (each value was found to be of its default's type)
    except InvalidParameter as error:
        raise CheckpointError(f"{origin}: {error}") from error


def _of_kind(name: str, value: object, default: object, origin: str) -> object:
    """The value, if it has the type of its field's default and is not absurdly large."""
    if type(default) is float and (type(value) is float or value == 0) and not isinstance(value, bool):
        return value or 0.0  # a rate of zero may be written as a whole number
    if type(default) in (bool, str) and type(value) is type(default):
        return value
    is_size = type(default) is int or (default is None and value is not None)
    if is_size and type(value) is int and value <= (MAX_LAYERS if name == "n_layers" else MAX_SIZE):
        return value
    if default is None and value is None:
        return None
    raise CheckpointError(f"{origin}: {name}={str(value)[:80]} is of the wrong kind, or impossibly large.")
