"""JSON from strangers is bounded and strict."""

import json

import pytest

from glassgpt.checkpoints.json_file import Json, parse_json, read_json, write_json
from glassgpt.errors import CheckpointError


def test_what_is_written_is_read(tmp_path):
    value: Json = {"n_layer": 12, "name": "naïve ☃", "list": [1, 2.5, None, True]}
    write_json(tmp_path / "f", value)
    assert read_json(tmp_path / "f") == value


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "not valid JSON"),
        (b"[1]", "must hold a JSON object"),
        (b'{"a": 1, "a": 2}', "duplicate key 'a'"),
        (b'{"a": NaN}', "NaN is not a JSON number"),
        (b'{"a": -Infinity}', "Infinity is not"),
        (b'{"a": "\xff"}', "not valid JSON"),
        (b'{"a": ' + b"9" * 100_000 + b"}", "not valid JSON"),
        (b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "nested too deeply"),
        (b'{"a": 1} x', "not valid JSON"),
    ],
)
def test_bad_json_is_refused_with_its_reason(raw, reason):
    with pytest.raises(CheckpointError, match=reason):
        parse_json(raw, "config.json")


def test_a_file_beyond_the_limit_is_not_read(tmp_path):
    (tmp_path / "f").write_text(json.dumps({"a": "x" * 1000}))
    with pytest.raises(CheckpointError, match="larger than 999 bytes"):
        read_json(tmp_path / "f", limit=999)


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    for path in (tmp_path / "none", tmp_path):
        with pytest.raises(CheckpointError, match="Cannot read"):
            read_json(path)
