"""Vocabulary in, files out: a folder that `Tokenizer.load` and Hugging Face's `AutoTokenizer` read alike."""

import json
from pathlib import Path

from glassgpt.tokens.byte_alphabet import spell
from glassgpt.tokens.tokenizer_json import write_tokenizer_json
from glassgpt.tokens.vocabulary import END_OF_TEXT, Vocabulary


def save_vocabulary(vocabulary: Vocabulary, folder: Path) -> None:
    """Write vocab.json, merges.txt, tokenizer.json, tokenizer_config.json and special_tokens_map.json."""
    folder.mkdir(parents=True, exist_ok=True)
    ids = {spell(token): position for token, position in vocabulary.ids.items()} | dict(vocabulary.specials)
    merges = [f"{spell(left)} {spell(right)}\n" for left, right in vocabulary.merges]
    roles = {f"{role}_token": END_OF_TEXT for role in ("bos", "eos", "unk") if END_OF_TEXT in vocabulary.specials}
    config = {"tokenizer_class": "GPT2Tokenizer", "add_prefix_space": False, "clean_up_tokenization_spaces": False}
    _write(folder / "vocab.json", json.dumps(ids, ensure_ascii=False))
    _write(folder / "merges.txt", "#version: 0.2\n" + "".join(merges))
    _write(folder / "tokenizer.json", json.dumps(write_tokenizer_json(vocabulary), ensure_ascii=False))
    _write(folder / "tokenizer_config.json", json.dumps(config | roles, indent=2))
    _write(folder / "special_tokens_map.json", json.dumps(roles, indent=2))


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="\n")
