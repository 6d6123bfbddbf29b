"""A vocabulary as the `tokenizer.json` of Hugging Face `tokenizers`, and back.

That file describes any pipeline one can think of. Ours is one of them, so reading accepts what behaves exactly like it
and refuses everything else by name: a tokenizer that is nearly right is worse than none.
"""

from collections.abc import Mapping

from glassgpt.errors import TokenizerError
from glassgpt.tokens.byte_alphabet import spell, unspell
from glassgpt.tokens.vocabulary import Merge, Vocabulary

_BYTE_LEVEL = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
_MODEL = {
    "type": "BPE",
    "dropout": None,
    "unk_token": None,
    "continuing_subword_prefix": None,
    "end_of_word_suffix": None,
    "fuse_unk": False,
    "byte_fallback": False,
    "ignore_merges": False,
}
_HARMLESS = {
    "dropout": (0, 0.0),
    "unk_token": ("<|endoftext|>",),
    "continuing_subword_prefix": ("",),
    "end_of_word_suffix": ("",),
}
"""Values that real files hold and that change nothing, since every byte has a token."""

_FLAGS = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}


def write_tokenizer_json(vocabulary: Vocabulary, specials: bool = True) -> dict[str, object]:
    """The content of the file; without `specials`, no text can ever encode to a special token."""
    named = sorted(vocabulary.specials.items(), key=lambda item: item[1]) if specials else []
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [{"id": position, "content": name, **_FLAGS} for name, position in named],
        "normalizer": None,
        "pre_tokenizer": _BYTE_LEVEL,
        "post_processor": None,
        "decoder": _BYTE_LEVEL,
        "model": {
            **_MODEL,
            "vocab": {spell(token): position for token, position in vocabulary.ids.items()} | dict(named),
            "merges": [[spell(left), spell(right)] for left, right in vocabulary.merges],
        },
    }


def read_tokenizer_json(content: Mapping[str, object]) -> Vocabulary:
    """The vocabulary in the file, provided that the file describes GPT-2's pipeline."""
    model = _object(content.get("model"), "model")
    _require_gpt2(content, model)
    specials = _specials(content.get("added_tokens") or [])
    ids = {
        unspell(name): _whole(position, "an id in model.vocab")
        for name, position in _object(model.get("vocab"), "model.vocab").items()
        if name not in specials
    }
    return Vocabulary(ids, _merges(model.get("merges")), specials)


def _require_gpt2(content: Mapping[str, object], model: Mapping[str, object]) -> None:
    """Refuse whatever would change an id."""
    for part in ("normalizer", "truncation", "padding"):
        if content.get(part) is not None:
            raise _unsupported(part, content[part])
    if model.get("type", "BPE") != "BPE":
        raise _unsupported("model.type", model.get("type"))
    for name, expected in _MODEL.items():
        found = model.get(name, expected)
        if found != expected and found not in _HARMLESS.get(name, ()):
            raise _unsupported(f"model.{name}", found)
    before = _object(content.get("pre_tokenizer"), "pre_tokenizer")
    for name, expected in (("type", "ByteLevel"), ("add_prefix_space", False), ("use_regex", True)):
        if before.get(name, True) != expected:
            raise _unsupported(f"pre_tokenizer.{name}", before.get(name, True))
    after = content.get("post_processor")
    if after is not None and _object(after, "post_processor").get("type") != "ByteLevel":
        raise _unsupported("post_processor.type", _object(after, "post_processor").get("type"))


def _specials(added: object) -> dict[str, int]:
    """The special tokens, which must be plain names that match exactly as written."""
    specials: dict[str, int] = {}
    for token in _list(added, "added_tokens"):
        entry = _object(token, "an entry of added_tokens")
        name = entry.get("content")
        if not isinstance(name, str):
            raise _unsupported("an added token's content", name)
        for flag in ("single_word", "lstrip", "rstrip"):
            if entry.get(flag, False) is not False:
                raise _unsupported(f"added token {name[:40]!r} with {flag}", entry[flag])
        if entry.get("special") is not True:
            raise _unsupported(f"added token {name[:40]!r} with special", entry.get("special"))
        specials[name] = _whole(entry.get("id"), f"the id of {name[:40]!r}")
    return specials


def _merges(content: object) -> list[Merge]:
    """Pairs, written as `["a", "b"]` or, in older files, as `"a b"`."""
    merges: list[Merge] = []
    for merge in _list(content, "model.merges"):
        parts = merge.split(" ") if isinstance(merge, str) else merge
        match parts:
            case [str(left), str(right)]:
                merges.append((unspell(left), unspell(right)))
            case _:
                raise TokenizerError(f"merge {len(merges)} is {str(merge)[:60]!r}; expected two tokens.")
    return merges


def _object(value: object, what: str) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise _unsupported(what, value)
    return value


def _list(value: object, what: str) -> list[object]:
    if not isinstance(value, list):
        raise _unsupported(what, value)
    return value


def _whole(value: object, what: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TokenizerError(f"{what} is {str(value)[:40]!r}; ids are whole numbers.")
    return value


def _unsupported(what: str, found: object) -> TokenizerError:
    return TokenizerError(
        f"tokenizer.json: {what} is {str(found)[:60]!r}, which GlassGPT does not support. It reads GPT-2's kind: "
        "byte-level BPE with GPT-2's split pattern, no normalizer and no prefix space."
    )
