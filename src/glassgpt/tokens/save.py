"""Vocabulary in, files out: a folder that `Tokenizer.load` and Hugging Face's `AutoTokenizer` read alike."""

import json
from pathlib import Path

from glassgpt.errors import TokenizerError
from glassgpt.tokens.byte_alphabet import spell
from glassgpt.tokens.tokenizer_json import write_tokenizer_json
from glassgpt.tokens.vocabulary import END_OF_TEXT, Vocabulary


def save_vocabulary(vocabulary: Vocabulary, folder: Path) -> None:
    """Write vocab.json, merges.txt, tokenizer.json, tokenizer_config.json and special_tokens_map.json."""
    ids = {spell(token): position for token, position in vocabulary.ids.items()} | dict(vocabulary.specials)
    merges = [f"{spell(left)} {spell(right)}\n" for left, right in vocabulary.merges]
    roles = {f"{role}_token": END_OF_TEXT for role in ("bos", "eos", "unk") if END_OF_TEXT in vocabulary.specials}
    config = {"tokenizer_class": "GPT2Tokenizer", "add_prefix_space": False, "clean_up_tokenization_spaces": False}
    contents = {
        "vocab.json": json.dumps(ids, ensure_ascii=False),
        "merges.txt": "#version: 0.2\n" + "".join(merges),
        "tokenizer.json": json.dumps(write_tokenizer_json(vocabulary), ensure_ascii=False),
        "tokenizer_config.json": json.dumps(config | roles, indent=2),
        "special_tokens_map.json": json.dumps(roles, indent=2),
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in contents.items():
            _write(folder / name, text)
    except OSError as error:
        raise TokenizerError(f"the tokenizer cannot be written to {folder}: {error.strerror or error}.") from error


def _write(path: Path, text: str) -> None:
    """Write beside the target and rename, so that a reader never meets half a file."""
    unfinished = path.with_name(path.name + ".tmp")
    unfinished.write_text(text, encoding="utf-8", newline="\n")
    unfinished.replace(path)
