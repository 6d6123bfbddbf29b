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
_FLAGS = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}


def write_tokenizer_json(vocabulary: Vocabulary, specials: bool = True) -> dict[str, object]:
    """The content of the file; without `specials`, no text can ever encode to a special token."""
    named = sorted(vocabulary.specials.items(), key=lambda item: item[1]) if specials else []
    spelled = {token: spell(token) for token in vocabulary.ids}
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
            "vocab": {spelled[token]: position for token, position in vocabulary.ids.items()} | dict(named),
            "merges": [[spelled[left], spelled[right]] for left, right in vocabulary.merges],
        },
    }


def read_tokenizer_json(content: Mapping[str, object]) -> Vocabulary:
    """The vocabulary in the file, provided that the file describes GPT-2's pipeline."""
    model = _object(content.get("model"), "model")
    _require_gpt2_pipeline(content)
    _require_gpt2_model(model)
    specials = _specials(content.get("added_tokens"))
    words = _object(model.get("vocab"), "model.vocab")
    tokens = {name: unspell(name) for name in words if name not in specials}
    ids = {token: whole(words[name], name) for name, token in tokens.items()}
    return Vocabulary(ids, _merges(model.get("merges"), tokens), specials)


def whole(position: object, name: str) -> int:
    """The id of a token, which a file may give as anything."""
    if not isinstance(position, int) or isinstance(position, bool):
        raise TokenizerError(f"the id of {name[:40]!r} is {_short(position)}; ids are whole numbers.")
    return position


def _require_gpt2_pipeline(content: Mapping[str, object]) -> None:
    """Refuse whatever comes before or after the merges and changes an id or a text."""
    for part in ("normalizer", "truncation", "padding"):
        if content.get(part) is not None:
            raise _unsupported(part, content[part])
    decoder = content.get("decoder")
    if decoder is not None and _object(decoder, "decoder").get("type") != "ByteLevel":
        raise _unsupported("decoder", decoder)
    if _adds_tokens(content.get("post_processor")):
        raise _unsupported("post_processor", content["post_processor"])
    before = _object(content.get("pre_tokenizer"), "pre_tokenizer")
    for name, expected, default in (
        ("type", "ByteLevel", None),
        ("add_prefix_space", False, True),
        ("use_regex", True, True),
    ):
        if before.get(name, default) != expected:
            raise _unsupported(f"pre_tokenizer.{name}", before.get(name, default))


def _adds_tokens(post_processor: object) -> bool:
    """Whether more may come out than went in; `transformers` saves a template that only passes the text on."""
    if post_processor is None:
        return False
    settings = _object(post_processor, "post_processor")
    match settings.get("single"):
        case [dict(only)] if settings.get("type") == "TemplateProcessing":
            return list(only) != ["Sequence"]
        case _:
            return settings.get("type") != "ByteLevel"


def _require_gpt2_model(model: Mapping[str, object]) -> None:
    """Refuse merging that works otherwise; what only concerns unknown characters cannot matter, there are none."""
    for name, allowed in (
        ("type", ("BPE", None)),
        ("dropout", (None, 0)),
        ("continuing_subword_prefix", (None, "")),
        ("end_of_word_suffix", (None, "")),
        ("byte_fallback", (None, False)),
        ("ignore_merges", (None, False)),
    ):
        if model.get(name) not in allowed:
            raise _unsupported(f"model.{name}", model.get(name))


def _specials(added: object) -> dict[str, int]:
    """The special tokens, which must be plain names that match exactly as written."""
    specials: dict[str, int] = {}
    for token in _list([] if added is None else added, "added_tokens"):
        entry = _object(token, "an entry of added_tokens")
        name = entry.get("content")
        if not isinstance(name, str):
            raise _unsupported("the content of an added token", name)
        for flag, expected in (("single_word", False), ("lstrip", False), ("rstrip", False), ("special", True)):
            if entry.get(flag, False) is not expected:
                raise _unsupported(f"{flag} of the added token {name[:40]!r}", entry.get(flag, False))
        specials[name] = whole(entry.get("id"), name)
    return specials


def _merges(content: object, tokens: Mapping[str, bytes]) -> list[Merge]:
    """Pairs, written as `["a", "b"]` or, in older files, as `"a b"`; nearly all of their parts are `tokens`."""
    merges: list[Merge] = []
    for merge in _list(content, "model.merges"):
        match merge.split(" ") if isinstance(merge, str) else merge:
            case [str(left), str(right)] if left and right:
                merges.append((tokens.get(left) or unspell(left), tokens.get(right) or unspell(right)))
            case _:
                raise TokenizerError(f"merge {len(merges)} is {_short(merge)}; expected two tokens.")
    return merges


def _object(value: object, what: str) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise _unsupported(what, value)
    return value


def _list(value: object, what: str) -> list[object]:
    if not isinstance(value, list):
        raise _unsupported(what, value)
    return value


def _unsupported(what: str, found: object) -> TokenizerError:
    return TokenizerError(
        f"tokenizer.json: {what} is {_short(found)}, which GlassGPT does not support. It reads GPT-2's kind: "
        "byte-level BPE with GPT-2's split pattern, no normalizer and no prefix space."
    )


def _short(value: object) -> str:
    match value:
        case dict() if isinstance(value.get("type"), str):
            return f"a {value['type'][:40]}"
        case dict() | list():
            return "an object" if isinstance(value, dict) else "a list"
        case _:
            return repr(value)[:40]
