"""The page with models of every shape, with the longest text they read."""

import pytest

from tests.browser.conftest import PAGES, Visit, listening

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


def explorer_of(**shape):
    """An Explorer of random weights in a shape."""
    from glassgpt.explorer import Workshop
    from glassgpt.language_model import LanguageModel
    from glassgpt.model import GPT2, GPT2Config, initialize
    from glassgpt.tokens import Tokenizer

    config = GPT2Config(vocab_size=50257, **shape)
    return Workshop(LanguageModel(initialize(GPT2(config), seed=1).eval(), Tokenizer.gpt2(), "random"), device="cpu")


SHAPES = {
    # as many layers and heads as GPT-2 XL has; narrower heads, which no picture counts
    "48 layers of 25 heads": {"context_length": 40, "emb_dim": 50, "n_heads": 25, "n_layers": 48},
    # as many tokens, layers and heads as GPT-2 small has
    "1,024 tokens": {"context_length": 1024, "emb_dim": 48, "n_heads": 12, "n_layers": 12},
    "one head": {"context_length": 3, "emb_dim": 4, "n_heads": 1, "n_layers": 1},
}
LARGE = {
    "GPT-2 small": {"context_length": 1024, "emb_dim": 768, "n_heads": 12, "n_layers": 12},
    "GPT-2 XL": {"context_length": 1024, "emb_dim": 1600, "n_heads": 25, "n_layers": 48},
}


def every_page_works(chromium, shape):
    with listening(explorer_of(**shape)) as address:
        visit = Visit(chromium, address)
        ids = [(7 + place * place) % 50257 for place in range(shape["context_length"])]
        visit.open(f"#/write?i={'.'.join(map(str, ids))}")
        assert visit.wait("document.querySelectorAll('.strip button').length") == len(ids)
        for page in PAGES:
            visit.page(page)
            assert visit.text("main [role=alert]") == ""
            if page == "attention":
                heads = "[...document.querySelectorAll('[aria-label=\"layer × head\"] button[data-item] canvas')]"
                assert visit.run(f"return {heads}.length") == shape["n_layers"] * shape["n_heads"]
                visit.wait(f"{heads}.every((each) => each.width > 1 || {len(ids)} === 1)")  # all of them drawn
            if page == "journey":
                rows = visit.run("return document.querySelectorAll('.way tbody tr').length")
                assert rows >= shape["n_layers"] + 1
        assert visit.complaints() == []
        assert visit.foreign() == []


@pytest.mark.parametrize("name", SHAPES)
def test_every_page_works_with_any_shape(chromium, name):
    every_page_works(chromium, SHAPES[name])


@pytest.mark.release
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("name", LARGE)
def test_every_page_works_with_large_models(chromium, name, monkeypatch):
    monkeypatch.setattr("tests.browser.conftest.PATIENCE_SECONDS", 900.0)
    every_page_works(chromium, LARGE[name])
