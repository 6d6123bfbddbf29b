import json

import pytest

from glassgpt.tokens import Tokenizer


@pytest.fixture(scope="module")
def vectors(shared_data):
    return json.loads((shared_data / "gpt2_tokenizer" / "bpe_vectors.json").read_text(encoding="utf-8"))


def test_every_published_and_computed_row_encodes_exactly(vectors):
    tokenizer = Tokenizer.gpt2()
    rows = vectors["published"] + vectors["computed"]
    found = [tokenizer.encode(row["text"], allow_special=row.get("allowed_special", False)) for row in rows]
    assert found == [row["ids"] for row in rows]
    assert len(rows) == 98


def test_the_readable_twin_gives_every_row_too(vectors):
    tokenizer = Tokenizer.gpt2()
    rows = [row for row in vectors["published"] + vectors["computed"] if not row.get("allowed_special")]
    found = [[token for piece in tokenizer.show(row["text"]) for token in piece.ids] for row in rows]
    assert found == [row["ids"] for row in rows]


def test_every_decoding_row_is_exact(vectors):
    tokenizer = Tokenizer.gpt2()
    assert [tokenizer.decode(row["ids"]) for row in vectors["decode_only"]] == [
        row["text"] for row in vectors["decode_only"]
    ]
