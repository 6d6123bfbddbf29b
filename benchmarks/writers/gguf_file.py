"""GPT-2 from Hugging Face's format to GGUF in float32, with the `gguf` package."""

import json
from pathlib import Path

import gguf
from safetensors.numpy import load_file

TURNED = ("attn.c_attn.weight", "attn.c_proj.weight", "mlp.c_fc.weight", "mlp.c_proj.weight")
"""GPT-2 stores these (in, out); llama.cpp wants (out, in)."""


def write_gguf(source: Path, target: Path) -> None:
    """Shapes, vocabulary and tensors of a folder. The head is the embedding: nothing to store."""
    config = json.loads((source / "config.json").read_text())
    writer = gguf.GGUFWriter(target, "gpt2")
    writer.add_block_count(config["n_layer"])
    writer.add_context_length(config["n_positions"])
    writer.add_embedding_length(config["n_embd"])
    writer.add_feed_forward_length(4 * config["n_embd"])
    writer.add_head_count(config["n_head"])
    writer.add_layer_norm_eps(config["layer_norm_epsilon"])
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)
    add_vocabulary(writer, source)
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.GPT2, config["n_layer"])
    for name, tensor in load_file(source / "model.safetensors").items():
        found = names.get_name(name.removeprefix("transformer."), try_suffixes=(".weight", ".bias"))
        if found is not None:
            writer.add_tensor(found, (tensor.T if name.endswith(TURNED) else tensor).copy())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def add_vocabulary(writer: gguf.GGUFWriter, source: Path) -> None:
    """Tokens and merges as GPT-2's own files spell them."""
    ids = json.loads((source / "vocab.json").read_text())
    tokens = sorted(ids, key=ids.__getitem__)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(tokens)
    writer.add_token_types([3 if token == "<|endoftext|>" else 1 for token in tokens])  # 3: control, 1: normal
    merges = (source / "merges.txt").read_text().splitlines()
    writer.add_token_merges([line for line in merges if not line.startswith("#version")])
    writer.add_bos_token_id(ids["<|endoftext|>"])
    writer.add_eos_token_id(ids["<|endoftext|>"])
