"""A figure for a notebook: what it carries equals the trace, and what it cannot carry is refused."""

import json
import struct
import sys

import numpy as np
import pytest
from safetensors.numpy import load

from glassgpt.errors import GlassGPTError, InvalidParameter
from glassgpt.interpret import lens, notebook, packed, pattern, show, trace
from glassgpt.interpret.packed import pack


@pytest.fixture
def seen(deep):
    return trace(deep.model, deep.ids)


@pytest.fixture
def built(tmp_path, monkeypatch):
    """A stand-in for the script, which a clone without Node does not have."""
    script = tmp_path / "notebook.js"
    script.write_text("export default () => ({ render() {} });\n")
    for module in (notebook, packed):
        monkeypatch.setattr(module, "SCRIPT", script)
    sys.modules.pop("glassgpt.interpret.widget", None)
    yield script
    sys.modules.pop("glassgpt.interpret.widget", None)


def facts(data):
    (length,) = struct.unpack("<Q", data[:8])
    return json.loads(json.loads(data[8 : 8 + length])["__metadata__"]["facts"])


def test_every_head_and_the_lens_of_every_token_travel_along(seen):
    data = pack(seen)
    arrays = load(data)
    assert arrays["looks"].dtype == np.float32
    for layer in range(6):
        for head in range(4):
            np.testing.assert_array_equal(arrays["looks"][layer, head], pattern(seen, layer, head).values)
    for position in range(len(seen.ids)):
        found = lens(seen, position)
        np.testing.assert_array_equal(arrays["lens_ids"][:, position], found.ids[::2])
        np.testing.assert_allclose(arrays["lens"][:, position], found.probabilities[::2], rtol=1e-5)
    said = facts(data)
    assert [token["id"] for token in said["tokens"]] == list(seen.ids)
    assert {int(number) for number in said["words"]} == set(np.unique(arrays["lens_ids"]).tolist())
    assert said["config"]["n_layers"] == 6
    assert said["says"] == seen.describe()


def test_a_vocabulary_of_few_words_is_shown_whole():
    from glassgpt.model import GPT2, GPT2Config, initialize

    small = GPT2Config(vocab_size=4, context_length=8, emb_dim=8, n_heads=2, n_layers=1, drop_rate=0.0)
    arrays = load(pack(trace(initialize(GPT2(small), seed=0).eval(), [1, 2, 3])))
    assert arrays["lens"].shape == (2, 3, 4)
    np.testing.assert_allclose(arrays["lens"].sum(-1), 1, rtol=1e-5)


def test_a_text_too_long_for_a_page_is_refused_with_the_way_out(seen, monkeypatch):
    monkeypatch.setattr(packed, "MOST_BYTES", 4 * 6 * 4 * 25)
    with pytest.raises(InvalidParameter, match=r"patterns of 5 tokens of this model: show trace.until\(4\)"):
        pack(seen)
    assert load(pack(seen.until(4)))["looks"].shape == (6, 4, 5, 5)


def test_without_the_extra_it_says_what_to_install(seen, built, monkeypatch):
    monkeypatch.setattr(notebook, "find_spec", lambda name: None)
    with pytest.raises(GlassGPTError, match=r"pip install 'glassgpt\[notebook\]'"):
        show(seen)


def test_without_the_built_script_it_says_how_to_build_it(seen, built):
    pytest.importorskip("anywidget")
    built.unlink()
    with pytest.raises(GlassGPTError, match="make page"):
        show(seen)


def test_the_widget_holds_the_trace_and_the_selection(seen, built):
    pytest.importorskip("anywidget")
    figure = show(seen, layer=2, head=1, position=5)
    state = figure.get_state()
    assert (state["layer"], state["head"], state["position"]) == (2, 1, 5)
    assert state["_esm"] == built.read_text()
    assert state["data"] == pack(seen)
    assert figure.describe() == pattern(seen, 2, 1).describe(5)
    figure.position = -1
    assert figure.describe() == pattern(seen, 2, 1).describe()
    for name, value in {"layer": 6, "head": 4, "position": 9}.items():
        with pytest.raises(InvalidParameter, match="must be from"):
            setattr(figure, name, value)
    assert (figure.layer, figure.head, figure.position) == (2, 1, -1)
    figure.close()
