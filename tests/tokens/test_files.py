import contextlib
import copy
import json
import random

import pytest

from glassgpt.errors import GlassGPTError, TokenizerError
from glassgpt.tokens import END_OF_TEXT, Tokenizer, learn, load

FORMS = {
    "tokenizer.json": ("tokenizer.json",),
    "vocab.json": ("vocab.json", "merges.txt"),
    "encoder.json": ("vocab.json", "merges.txt"),
}
BEGIN, TEXT = {"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}


@pytest.fixture(scope="module")
def tokenizer():
    return learn(["low lower lowest newer wider <pad> ünï"] * 3, 280, specials=(END_OF_TEXT, "<pad>"))


@pytest.fixture
def folder(tmp_path, tokenizer):
    tokenizer.save(tmp_path)
    return tmp_path


def keep(folder, form):
    """Leave one of the three forms in the folder."""
    kept = {name: (folder / name).read_bytes() for name in FORMS[form]}
    for path in folder.iterdir():
        path.unlink()
    openai = {"vocab.json": "encoder.json", "merges.txt": "vocab.bpe"} if form == "encoder.json" else {}
    for name, content in kept.items():
        (folder / openai.get(name, name)).write_bytes(content)
    return [folder / openai.get(name, name) for name in kept]


def change(folder, edit):
    path = folder / "tokenizer.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    edit(content)
    path.write_text(json.dumps(content), encoding="utf-8")


@pytest.mark.parametrize("form", FORMS)
def test_each_form_gives_the_same_vocabulary(folder, tokenizer, form):
    keep(folder, form)
    assert Tokenizer.load(folder).vocabulary == tokenizer.vocabulary
    assert Tokenizer.load(str(folder)).fingerprint == tokenizer.fingerprint


def test_the_saved_files_are_those_hugging_face_expects(folder):
    assert sorted(path.name for path in folder.iterdir()) == [
        "merges.txt",
        "special_tokens_map.json",
        "tokenizer.json",
        "tokenizer_config.json",
        "vocab.json",
    ]


def test_saved_gpt2_files_hold_what_openai_published(tmp_path, shared_data):
    Tokenizer.gpt2().save(tmp_path)
    published = shared_data / "gpt2_tokenizer"
    assert (tmp_path / "merges.txt").read_bytes() == (published / "vocab.bpe").read_bytes()
    vocab = json.loads((tmp_path / "vocab.json").read_text(encoding="utf-8"))
    assert vocab == json.loads((published / "encoder.json").read_text(encoding="utf-8"))


def test_merges_written_as_text_are_read(folder, tokenizer):
    change(folder, lambda content: content["model"].update(merges=[" ".join(m) for m in content["model"]["merges"]]))
    assert Tokenizer.load(folder).vocabulary == tokenizer.vocabulary


def test_settings_that_change_nothing_are_accepted(folder, tokenizer):
    def edit(content):
        content["model"].update(unk_token=END_OF_TEXT, dropout=0.0, continuing_subword_prefix="", fuse_unk=True)
        content["post_processor"] = {"type": "TemplateProcessing", "single": [TEXT]}
        del content["pre_tokenizer"]["use_regex"], content["model"]["ignore_merges"]

    change(folder, edit)
    assert Tokenizer.load(folder).vocabulary == tokenizer.vocabulary


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda c: c["model"].update(type="Unigram"), "model.type is 'Unigram'"),
        (lambda c: c["model"].update(dropout=0.1), "model.dropout is 0.1"),
        (lambda c: c["model"].update(byte_fallback=True), "byte_fallback"),
        (lambda c: c["model"].update(ignore_merges=True), "ignore_merges"),
        (lambda c: c["model"].update(end_of_word_suffix="</w>"), "end_of_word_suffix"),
        (lambda c: c.update(normalizer={"type": "NFC"}), "normalizer is a NFC"),
        (lambda c: c.update(pre_tokenizer={"type": "Metaspace"}), "pre_tokenizer.type is 'Metaspace'"),
        (lambda c: c.update(pre_tokenizer=None), "pre_tokenizer is None"),
        (lambda c: c["pre_tokenizer"].update(add_prefix_space=True), "add_prefix_space is True"),
        (lambda c: c["pre_tokenizer"].update(use_regex=False), "use_regex is False"),
        (lambda c: c.update(post_processor={"type": "TemplateProcessing"}), "post_processor is a Template"),
        (lambda c: c.update(post_processor={"type": "TemplateProcessing", "single": [BEGIN, TEXT]}), "post_processor"),
        (lambda c: c.update(decoder={"type": "WordPiece"}), "decoder is a WordPiece"),
        (lambda c: c.update(truncation={"max_length": 5}), "truncation is an object"),
        (lambda c: c["added_tokens"][0].update(lstrip=True), r"lstrip of the added token '<\|endoftext\|>' is True"),
        (lambda c: c["added_tokens"][0].update(special=False), "special of the added token"),
        (lambda c: c["added_tokens"][0].update(id="7"), "whole numbers"),
        (lambda c: c["model"]["vocab"].update(low=1.5), "whole numbers"),
        (lambda c: c["model"]["vocab"].update({"a b": 1000}), "stands for no byte"),
        (lambda c: c["model"]["merges"].append(["a", "b", "c"]), "expected two tokens"),
        (lambda c: c["model"].update(merges=None), "model.merges is None"),
        (lambda c: c.update(model=[1]), "model is a list"),
    ],
)
def test_a_tokenizer_of_another_kind_is_refused_by_name(folder, edit, message):
    change(folder, edit)
    with pytest.raises(TokenizerError, match=message):
        Tokenizer.load(folder)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not valid JSON"),
        (b"[]", "expected an object"),
        (b"\xff{}", "not UTF-8"),
        (b"[" * 100_000, "not valid JSON"),
        (b'{"a": ' * 100_000, "not valid JSON"),
        (b'{"model": ' + b"9" * 10_000 + b"}", "not valid JSON"),
    ],
)
def test_a_file_that_is_no_json_object_is_refused(tmp_path, content, message):
    (tmp_path / "tokenizer.json").write_bytes(content)
    with pytest.raises(TokenizerError, match=message):
        Tokenizer.load(tmp_path)


@pytest.mark.parametrize("line", ["a", "a b c", " a", "a ", "a  b", "a\tb", "ä ö"])
def test_a_line_that_is_no_merge_is_refused(folder, line):
    keep(folder, "vocab.json")
    (folder / "merges.txt").write_text(f"#version: 0.2\n{line}\n", encoding="utf-8")
    with pytest.raises(TokenizerError):
        Tokenizer.load(folder)


def test_merges_with_windows_line_ends_are_read(folder, tokenizer):
    keep(folder, "vocab.json")
    path = folder / "merges.txt"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert Tokenizer.load(folder).vocabulary == tokenizer.vocabulary


def test_merges_cut_short_are_noticed(folder):
    keep(folder, "vocab.json")
    path = folder / "merges.txt"
    path.write_text("\n".join(path.read_text(encoding="utf-8").splitlines()[:-1]), encoding="utf-8")
    with pytest.raises(TokenizerError, match="ids and merges do not match"):
        Tokenizer.load(folder)


def test_a_merge_that_begins_like_a_comment_is_a_merge(tmp_path):
    learn(["##"], 258).save(tmp_path)
    keep(tmp_path, "vocab.json")
    assert (b"#", b"#") in Tokenizer.load(tmp_path).merges


def test_a_file_too_large_is_refused_unread(folder, monkeypatch):
    monkeypatch.setattr(load, "MAX_FILE_BYTES", 100)
    with pytest.raises(TokenizerError, match="larger than"):
        Tokenizer.load(folder)


def test_a_folder_without_a_tokenizer_says_what_is_missing(tmp_path):
    with pytest.raises(TokenizerError, match=r"tokenizer\.json, or vocab\.json with merges\.txt"):
        Tokenizer.load(tmp_path)


def test_a_damaged_installation_is_noticed(monkeypatch):
    monkeypatch.setattr(load, "GPT2_SHA256", "0" * 64)
    with pytest.raises(TokenizerError, match="Install glassgpt again"):
        load.shipped_vocabulary.__wrapped__()


def test_a_place_that_cannot_be_written_is_named(tmp_path, tokenizer):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(TokenizerError, match="cannot be written"):
        tokenizer.save(tmp_path / "file")


def damaged(content, rng):
    """Bytes flipped, cut, doubled or exchanged with what breaks parsers."""
    data = bytearray(content)
    for _ in range(rng.randint(1, 4)):
        place = rng.randrange(len(data) + 1)
        width = rng.choice([1, 1, 2, 8, 200])
        junk = rng.choice([b"", b"\0", b'"', b"{", b"]", b"-1", b"1e999", b"null", b"\\ud800", b"\xff", b" ", b"\n"])
        data[place : place + width] = rng.choice([junk, rng.randbytes(width), bytes(data[place : place + width]) * 2])
    return bytes(data)


@pytest.mark.slow
@pytest.mark.parametrize("form", FORMS)
def test_a_damaged_file_loads_or_is_refused_and_nothing_else(folder, form):
    paths, rng = keep(folder, form), random.Random(form)
    originals = {path: path.read_bytes() for path in paths}
    for _ in range(400):
        path = rng.choice(paths)
        path.write_bytes(damaged(originals[path], rng))
        with contextlib.suppress(GlassGPTError):
            tokenizer = Tokenizer.load(folder)
            assert tokenizer.vocab_size <= 1 << 24
            assert tokenizer.decode(tokenizer.encode("low 你")) == "low 你"
        path.write_bytes(originals[path])


JUNK = (None, True, -1, 0.5, 10**30, "", "a", "Ġ", "\ud800", [], [[]], ["a", "b"], {}, {"type": "BPE"}, [[["a"]]])


def exchange(content, rng):
    """Put junk in the place of one part of a JSON value, at any depth."""
    keys = list(content) if isinstance(content, dict) else list(range(len(content)))
    key = rng.choice(keys)
    if isinstance(content[key], dict | list) and content[key] and rng.random() < 0.8:
        exchange(content[key], rng)
    elif rng.random() < 0.2:
        del content[key]
    else:
        content[key] = copy.deepcopy(rng.choice(JUNK))


@pytest.mark.slow
def test_a_tokenizer_with_any_part_exchanged_loads_or_is_refused_and_nothing_else(folder):
    rng, original = random.Random(11), (folder / "tokenizer.json").read_text(encoding="utf-8")
    for _ in range(400):
        content = json.loads(original)
        exchange(content, rng)
        (folder / "tokenizer.json").write_text(json.dumps(content), encoding="utf-8")
        with contextlib.suppress(GlassGPTError):
            tokenizer = Tokenizer.load(folder)
            assert tokenizer.decode(tokenizer.encode("low 你")) == "low 你"
