"""The whole step: equal to its twin, and the same bits for a row whatever is beside it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glassgpt.errors import InvalidParameter
from glassgpt.kernels.cache import Cache
from glassgpt.kernels.layout import FLOAT32, FORMATS
from glassgpt.kernels.machine import host
from glassgpt.kernels.program import Program
from glassgpt.kernels.rows import rows_twin
from glassgpt.kernels.step import step_twin
from tests.kernels.dawdling import add_dawdle, dawdling, never_spared
from tests.kernels.machines import DESIGNS, EVERY, MACHINES, QUICK, compiled, stepper
from tests.kernels.small_models import packed, shape

SHAPES = [
    {},
    {"width": 12, "heads": 1, "mlp": 5, "vocabulary": 3, "layers": 1, "positions": 9},
    {"width": 192, "heads": 2, "mlp": 130, "layers": 1},  # heads of width 96: two blocks each
    {"width": 128, "heads": 2, "layers": 1, "vocabulary": 130},
]
TOLERANCE = {"float32": 1e-5, "bfloat16": 0.02, "int8": 0.05, "int4": 0.05}
"""Of the largest logit. A number that lies on the edge between two roundings may fall to either side."""
USUAL = {"float32": 1e-5, "bfloat16": 2e-3, "int8": 1e-2, "int4": 1e-2}
"""The same, on average."""


def whole(model, tokens, chunk):
    """Logits after each token of one text, read in pieces."""
    cache = model.cache(1, len(tokens))
    pieces = [range(start, min(start + chunk, len(tokens))) for start in range(0, len(tokens), chunk)]
    return np.concatenate([model.step(cache, tokens[p.start : p.stop], p, [0] * len(p), range(len(p))) for p in pieces])


def check_twin(machine, name, changes, head=None):
    body = name.split(",")[0]
    design = DESIGNS[name]
    weights = packed(shape(**changes), body, head)
    random = np.random.default_rng(len(changes))
    tokens = random.integers(0, weights.shape.vocabulary, min(80, weights.shape.positions))
    wanted = step_twin(weights, design.cache, tokens)
    error = np.abs(whole(stepper(machine, design, weights), tokens, 64) - wanted) / np.abs(wanted).max()
    loosest = "int8" if design.cache is FORMATS["int8"] else body
    assert error.max() <= TOLERANCE[loosest]
    assert error.mean() <= USUAL[loosest]


@pytest.mark.parametrize("changes", SHAPES, ids=str)
def test_a_step_equals_its_twin(changes):
    check_twin(host().name, "float32", changes)


@pytest.mark.parametrize(("machine", "name"), QUICK)
def test_a_step_equals_its_twin_in_every_format(machine, name):
    check_twin(machine, name, {})


@pytest.mark.parametrize("changes", [{}, {"width": 192, "heads": 2, "layers": 1}], ids=str)
def test_a_step_with_keys_and_values_in_integers_equals_its_twin(changes):
    check_twin(host().name, "float32, cache int8", changes)


@pytest.mark.slow
@pytest.mark.parametrize("machine", MACHINES)
def test_a_step_with_keys_and_values_in_integers_equals_its_twin_on_every_machine(machine):
    check_twin(machine, "int8, cache int8", {"width": 192, "heads": 2, "layers": 1})


@pytest.mark.slow
@pytest.mark.parametrize(("machine", "name"), EVERY)
@pytest.mark.parametrize("changes", SHAPES, ids=str)
def test_a_step_equals_its_twin_on_every_machine(machine, name, changes):
    check_twin(machine, name, changes)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "head"), [("int4, head int8", "int8"), ("bfloat16, cache float32", None)])
def test_head_and_cache_may_have_formats_of_their_own(name, head):
    check_twin(host().name, name, {}, head)


@pytest.mark.slow
@pytest.mark.parametrize("activation", ["gelu", "relu", "silu", "tanh"])
def test_every_activation_equals_its_twin(activation):
    from dataclasses import replace

    DESIGNS[activation] = replace(DESIGNS["float32"], activation=activation)
    weights = packed(shape(activation=activation))
    tokens = np.arange(30)
    wanted = step_twin(weights, FLOAT32, tokens)
    got = whole(stepper(host().name, DESIGNS[activation], weights), tokens, 64)
    assert np.abs(got - wanted).max() <= 1e-5 * np.abs(wanted).max()


def schedule_of(seed):
    """Texts, and for each step how many tokens of each are read, in which order."""
    random = np.random.default_rng(seed)
    texts = [random.integers(0, 97, random.integers(1, 91)).tolist() for _ in range(random.integers(1, 6))]
    steps, left = [], np.array([len(text) for text in texts])
    while left.any():
        step = np.minimum(left, random.integers(0, random.choice([2, 4, 40]), len(left)))
        if step.any():
            left = left - step
            steps.append((step.tolist(), random.permutation(len(texts)).tolist()))
    return texts, steps, int(random.choice([1, 2, 3, 5]))


def dawdle(model, seed):
    """Let its threads stop now and then, both where rows are few and where they are many."""
    library = compiled(host().name, add_dawdle)
    never_spared(model._crew)
    for name in ("_few", "_many"):
        program = getattr(model, name)
        entries, kept = dawdling(library, program.entries, seed)
        setattr(model, name, Program(entries, [program, library, kept]))


def check_schedule(machine, name, seed, weights, *, threads=None, late=False):
    """Read texts together in pieces; each row's logits must be those of its text read alone, token by token."""
    texts, steps, some = schedule_of(seed)
    design = DESIGNS[name]
    one, many = stepper(machine, design, weights), stepper(machine, design, weights, threads or some, most_rows=256)
    if late:
        dawdle(many, seed)
    cache, done = many.cache(len(texts), 90), [0] * len(texts)
    got = [[] for _ in texts]
    for step, order in steps:
        rows = [(text, done[text] + i) for text in order for i in range(step[text])]
        tokens = [texts[text][place] for text, place in rows]
        wanted = [n for n, (_, place) in enumerate(rows) if place % 3 or len(rows) < 5]
        logits = many.step(cache, tokens, [p for _, p in rows], [t for t, _ in rows], wanted)
        for n, line in zip(wanted, logits, strict=True):
            text, place = rows[n]
            got[text].append((place, line))
        done = [n + taken for n, taken in zip(done, step, strict=True)]
    for text, lines in zip(texts, got, strict=True):
        alone = whole(one, text, 1)
        assert all((line == alone[place]).all() for place, line in lines)


@pytest.mark.parametrize(("machine", "name"), QUICK)
@settings(max_examples=4)
@given(seed=st.integers(0, 2**32))
def test_a_row_has_the_same_bits_in_any_company(machine, name, seed):
    check_schedule(machine, name, seed, packed(shape(layers=1), name, half=name == "bfloat16"))


@settings(max_examples=4)
@given(seed=st.integers(0, 2**32))
def test_a_row_has_the_same_bits_in_any_company_with_a_cache_of_integers(seed):
    check_schedule(host().name, "float32, cache int8", seed, packed(shape(layers=1), "float32"))


@pytest.mark.parametrize("threads", [1, 2, 3, 5])
@settings(max_examples=2)
@given(seed=st.integers(0, 2**32))
def test_a_row_has_the_same_bits_when_threads_dawdle(threads, seed):
    check_schedule(host().name, "int8", seed, packed(shape(layers=1), "int8"), threads=threads, late=True)


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize(("machine", "name"), EVERY)
@settings(max_examples=8)
@given(seed=st.integers(0, 2**32))
def test_a_row_has_the_same_bits_in_any_company_on_every_machine(machine, name, seed):
    check_schedule(machine, name, seed, packed(shape(), name))


def test_an_untied_head_and_halved_tables_are_used():
    tokens = np.arange(10)
    for weights in (packed(shape(), tied=False), packed(shape(), half=True)):
        wanted = step_twin(weights, FLOAT32, tokens)
        got = whole(stepper(host().name, DESIGNS["float32"], weights), tokens, 64)
        assert np.abs(got - wanted).max() <= 1e-5 * np.abs(wanted).max()
    assert np.abs(got - whole(stepper(host().name, DESIGNS["float32"], packed(shape())), tokens, 64)).max() > 1e-3


@pytest.mark.parametrize("name", ["float32", "bfloat16", "float32, cache int8"])
def test_the_cache_holds_the_keys_and_values_that_were_read(name):
    """Seen through `tables`, the first layer's cache is what the first matrix gives."""
    from glassgpt.kernels.step import _linear, _norm

    weights, design = packed(shape(layers=1), name.split(",")[0]), DESIGNS[name]
    model, tokens = stepper(host().name, design, weights), np.arange(70)
    cache = model.cache(2, 150)
    for chunk in (tokens[:64], tokens[64:]):
        model.step(cache, chunk, chunk, [1] * len(chunk), [])
    words, places = weights.tables()
    x = np.pad(words[tokens] + places[:70], ((0, 0), (0, 24)))
    _, keys, values = np.split(_linear(_norm(x, weights.blocks[0].ln_1, weights), weights.blocks[0].c_attn), 3, axis=1)
    for head in range(5):
        for stored, wanted in zip(cache.tables(0, 1, head), (keys, values), strict=True):
            wanted = rows_twin(wanted[:, head * 64 : (head + 1) * 64], design.cache)
            whole = np.abs(wanted).max() / 127 if design.cache.group else 0  # on the edge between two integers
            np.testing.assert_allclose(stored[:70], wanted, rtol=2**-7, atol=1e-5 + 1.01 * whole)
            assert not stored[70:].any()
    assert not cache.keys[:, 0].any()


WRONG = {
    "no rows": {"tokens": [], "positions": [], "texts": [], "wanted": []},
    "too many rows": {"tokens": [0] * 65, "positions": range(65), "texts": [0] * 65},
    "uneven rows": {"positions": [0, 1]},
    "a token too large": {"tokens": [97]},
    "a negative token": {"tokens": [-1]},
    "a place beyond the room": {"positions": [128]},
    "a text that is not there": {"texts": [2]},
    "a wanted row that is not there": {"wanted": [1]},
}


@pytest.mark.parametrize("change", WRONG.values(), ids=WRONG)
def test_the_border_lets_nothing_wrong_through(change):
    model = stepper(host().name, DESIGNS["float32"], packed(shape()))
    right = {"tokens": [1], "positions": [127], "texts": [1], "wanted": [0]}
    model.step(model.cache(2, 100), **right)
    with pytest.raises(InvalidParameter):
        model.step(model.cache(2, 100), **{**right, **change})


def test_the_border_knows_its_own_caches():
    model = stepper(host().name, DESIGNS["float32"], packed(shape()))
    right = {"tokens": [1], "positions": [1], "texts": [0], "wanted": [0]}
    for wrong in (
        Cache.empty(FLOAT32, 1, 1, 5, 8, 64),
        Cache.empty(FLOAT32, 2, 1, 4, 8, 64),
        Cache.empty(FLOAT32, 2, 1, 5, 70, 64),
        Cache.empty(FLOAT32, 2, 1, 5, 8, 300),
        Cache.empty(FORMATS["bfloat16"], 2, 1, 5, 8, 64),
    ):
        with pytest.raises(InvalidParameter, match="cache"):
            model.step(wrong, **right)


@pytest.mark.parametrize("name", ["wte.weight", "h.0.attn.c_attn.weight", "h.1.mlp.c_proj.bias", "h.0.ln_2.weight"])
def test_a_tensor_of_the_wrong_shape_is_refused(name):
    from glassgpt.kernels.weights import pack_model
    from tests.kernels.small_models import tensors

    get = tensors(shape())

    def wrong(asked):
        return get(asked)[:-1] if asked == name else get(asked)

    with pytest.raises(InvalidParameter, match=r"head" if name.startswith("wte") else name):
        pack_model(wrong, shape(), None, get("wpe.weight"), FLOAT32, FLOAT32)
