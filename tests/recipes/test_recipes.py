"""Ready recipes say what they are, and files can stand in for them."""

import inspect
import json
import tomllib

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from glassgpt.errors import InvalidParameter, RunError
from glassgpt.model import parameter_count
from glassgpt.recipes import RECIPES, as_toml, named_or_read
from glassgpt.train import Recipe
from glassgpt.train.recipe import changed, from_json, keys, to_json


@pytest.mark.parametrize("name", RECIPES)
def test_what_a_recipe_says_at_its_top_is_what_it_holds(name):
    recipe, told = RECIPES[name](), inspect.getdoc(RECIPES[name])
    assert f"{recipe.steps:,} steps of {recipe.tokens_per_step:,} tokens" in told
    assert "Expect: " in told
    assert "Text: " in told or name.startswith("gpt2")  # those say it once, above them
    if name != "tiny":  # whose vocabulary can be anything
        assert f"{parameter_count(recipe.model) / 1e6:,.1f} M parameters" in told
    assert max(map(len, told.splitlines())) <= 108


def test_the_shakespeare_settings_are_those_nanogpt_publishes():
    small, large, tuned = (RECIPES[f"shakespeare-{kind}"]() for kind in ("char", "char-gpu", "bpe"))
    shapes = [(r.model.n_layers, r.model.n_heads, r.model.emb_dim, r.model.context_length) for r in (small, large)]
    assert shapes == [(4, 4, 128, 64), (6, 6, 384, 256)]
    assert [(r.rows, r.steps, r.model.drop_rate, r.optimizer.lr) for r in (small, large)] == [
        (12, 2_000, 0.0, 1e-3),
        (64, 5_000, 0.2, 1e-3),
    ]
    assert (tuned.tokens_per_step, tuned.optimizer.lr, tuned.schedule.shape) == (32_768, 3e-5, "constant")


@pytest.mark.parametrize("name", RECIPES)
@pytest.mark.parametrize("suffix", ["toml", "json"])
def test_a_recipe_written_to_a_file_is_read_back(tmp_path, name, suffix):
    recipe = RECIPES[name](300)
    file = tmp_path / f"mine.{suffix}"
    file.write_text(as_toml(recipe) if suffix == "toml" else json.dumps({"recipe": to_json(recipe), "vocabulary": ""}))
    assert named_or_read(str(file), 300) == recipe


def test_a_file_may_hold_a_few_keys_and_name_what_it_starts_from(tmp_path):
    (tmp_path / "mine.toml").write_text('base = "embedded"\nsteps = 7\n[optimizer]\nlr = 1\n')
    recipe = named_or_read(str(tmp_path / "mine.toml"), 300)
    assert (recipe.steps, recipe.optimizer.lr, recipe.optimizer.method) == (7, 1.0, "muon")
    assert recipe.model.vocab_size == 300


@pytest.mark.parametrize(
    ("text", "error", "told"),
    [
        ("stepz = 3", InvalidParameter, "the nearest is steps"),
        ("[optimizer]\nlearning_rate = 3", InvalidParameter, "has no such setting"),
        ("[model]\nlr = 3", InvalidParameter, "the nearest is optimizer.lr"),
        ('steps = "many"', InvalidParameter, "a whole number"),
        ("steps = 3.5", InvalidParameter, "a whole number"),
        ("compile = 1", InvalidParameter, "true or false"),
        ("optimizer = 3", InvalidParameter, "optimizer.method"),
        ("steps 3", RunError, "cannot be read as TOML"),
    ],
)
def test_a_wrong_file_is_told_what_is_right(tmp_path, text, error, told):
    (tmp_path / "mine.toml").write_text(text)
    with pytest.raises(error, match=told):
        named_or_read(str(tmp_path / "mine.toml"), 300)


def test_a_misspelt_name_is_met_with_the_right_one():
    with pytest.raises(InvalidParameter, match="the nearest is embedded"):
        named_or_read("embeded", 300)


PLAIN = {int: st.integers(1, 9), float: st.floats(0.01, 0.9), bool: st.booleans()}


@given(st.data())
def test_one_key_changes_one_key(data):
    start = to_json(RECIPES["tiny"](300))
    key = data.draw(st.sampled_from([key for key, kind in keys().items() if kind in PLAIN and "n_heads" not in key]))
    value = data.draw(PLAIN[keys()[key]])
    if key == "model.emb_dim":
        value *= 4
    try:
        found = to_json(changed(from_json(start), {key: value}))
    except InvalidParameter as error:  # some numbers are too small for some keys
        assume(key.rpartition(".")[2] != error.name)
        raise
    differing = [name for name in keys() if _at(found, name) != _at(start, name)]
    assert differing in ([], [key])
    assert _at(found, key) == value


def _at(values, name):
    for part in name.split("."):
        values = values[part]
    return values


def test_toml_leaves_the_vocabulary_to_the_data():
    assert "vocab_size" not in tomllib.loads(as_toml(Recipe(model=RECIPES["tiny"](300).model, steps=3)))["model"]
