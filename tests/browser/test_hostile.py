"""Texts stay texts: a vocabulary of sixty hostile tokens, a run with a hostile name, and hostile words typed in.

Wherever the page shows a token it shows one of them. Nothing may pop up, run, leave the machine, or be logged.
"""

import json

import pytest

from tests.browser.conftest import PAGES, Visit, listening
from tests.browser.hostile import HOSTILE

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

RUN = "run <img src=x onerror=alert(1)>"
FIRST = 257
"""The id of the first hostile token: after the bytes and the end of text."""


@pytest.fixture(scope="module")
def hostile_address(tmp_path_factory):
    """An Explorer over a small random model that knows bytes and hostile texts, and nothing else."""
    import torch

    import glassgpt
    from glassgpt.checkpoints import save_model
    from glassgpt.checkpoints.manifest import write_manifest
    from glassgpt.explorer import Workshop
    from glassgpt.model import GPT2, GPT2Config, initialize
    from glassgpt.tokens import learn

    tokenizer = learn(["a"], 257 + len(HOSTILE), specials=("<|endoftext|>", *HOSTILE))
    shape = GPT2Config(vocab_size=tokenizer.vocab_size, context_length=96, emb_dim=24, n_heads=3, n_layers=2)
    network = initialize(GPT2(shape), seed=3).eval()
    with torch.no_grad():
        network.wte.weight[:FIRST] *= 0.01  # what it foresees is hostile
        network.wte.weight[FIRST:] *= 40
    folder = tmp_path_factory.mktemp("runs") / RUN
    checkpoint = folder / "ckpt" / "step-00000001"
    save_model(network, checkpoint, tokenizer=tokenizer)
    write_manifest(checkpoint)
    recipe = {"steps": 1, "rows": 1, "model": {"context_length": 96}, HOSTILE[1]: HOSTILE[2]}
    (folder / "recipe.json").write_text(json.dumps({"recipe": recipe}))
    lines = [
        {"event": "step", "step": 1, "loss": 3.0, "lr": 0.1, "norm": 1.0, "tokens_per_second": 9.0},
        {"event": "sample", "step": 1, "prompt": HOSTILE[0], "text": "".join(HOSTILE)},
        {"event": "trouble", "step": 1, "kind": HOSTILE[3], "message": HOSTILE[4]},
    ]
    (folder / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    lm = glassgpt.load(checkpoint, device="cpu")
    with listening(Workshop(lm, runs=[folder.parent], device="cpu")) as where:
        yield where


@pytest.fixture
def browser(chromium, hostile_address):
    """A visit with all sixty tokens as the text."""
    visit = Visit(chromium, hostile_address)
    visit.open("#/write?i=" + ".".join(str(FIRST + n) for n in range(len(HOSTILE))))
    visit.settle()
    yield visit
    assert visit.complaints() == []
    assert visit.foreign() == []


def stays_text(browser):
    """Nothing of the text became part of the page."""
    grown = "main :is(script, img, iframe, object, base, meta, link, style, form[action], math, svg use, a[href])"
    assert browser.run(f"return document.querySelectorAll({json.dumps(grown)}).length") == 0
    handlers = "[...document.querySelectorAll('*')].filter((e) => [...e.attributes].some((a) => /^on/.test(a.name)))"
    assert browser.run(f"return {handlers}.length") == 0
    assert browser.run("return ({}).polluted === undefined")


def type_in(browser, selector, text):
    """Put a text in a box as pasting does, and leave it."""
    browser.run(
        "arguments[0].focus(); arguments[0].value = arguments[1];"
        "for (const kind of ['input', 'change']) arguments[0].dispatchEvent(new Event(kind, {bubbles: true}));"
        "arguments[0].blur()",
        browser.find(selector),
        text,
    )
    browser.settle()


def test_in_every_list_picture_and_table(browser):
    for page in PAGES:
        browser.page(page)
        for tab in range(4 if page == "attention" else 1):
            if page == "attention":
                browser.run("document.querySelectorAll('[role=tab]')[arguments[0]].click()", tab)
                browser.settle()
            browser.run("document.querySelectorAll('[data-tool=table]').forEach((button) => button.click())")
            browser.settle()
            stays_text(browser)
        assert len(browser.text("main")) > 100, page
    browser.page("write")
    assert "<script>alert(1)</script>" in browser.text(".strip")
    shown = browser.text("main ol")
    assert sum(text in shown for text in HOSTILE) >= 3  # what it foresees


def test_in_every_box_that_takes_a_text(browser):
    whole = " ".join(HOSTILE[:40])
    for page, box in (("words", ".pick input"), ("read", "#given"), ("compare", ".second input"), ("write", "#text")):
        browser.page(page)
        type_in(browser, box, whole if page != "compare" else HOSTILE[1] + HOSTILE[2])  # no more fits in its context
        stays_text(browser)
    for text in (HOSTILE[0], HOSTILE[35]):
        type_in(browser, ".name input", text)
        assert text in browser.text(".marks")
        stays_text(browser)
    browser.page("experiment")
    type_in(browser, "details input", whole)
    browser.run("document.querySelector('form input').focus()")
    browser.keys("/")  # a letter in a box is no command
    assert browser.run("return document.querySelector('dialog') === null")


def test_in_what_a_file_takes_along(browser):
    browser.run("window.saved = []; URL.createObjectURL = (blob) => { saved.push(blob); return 'data:,' }")
    for kind in ("SVG", "One HTML file", "Data (CSV)"):
        browser.click("[data-tool=export]")
        browser.click(".menu button", kind)
    browser.wait("saved.length === 3")
    svg, page, table = browser.driver.execute_async_script(
        "Promise.all(saved.map((blob) => blob.text())).then(arguments[0])"
    )
    for written in (svg, page):
        assert "<script" not in written
        assert "<img" not in written
    assert not [line for line in table.splitlines() if line.lstrip('"').startswith(("=", "@", "+", "-"))]
    parsed = "new DOMParser().parseFromString(arguments[0], 'image/svg+xml').querySelector('parsererror')"
    assert browser.run(f"return {parsed} === null", svg)


def test_in_a_link(browser):
    changes = json.dumps([{"line": text} for text in HOSTILE[:20]])
    browser.run("location.hash = '#/experiment?' + new URLSearchParams({i: '0', x: arguments[0]})", changes)
    browser.wait("document.querySelector('.error')")  # the library says what is wrong with it
    stays_text(browser)
    browser.driver.get_log("browser")  # that a question was refused is the browser's own remark
    for query in ("m=<script>", "i=0.99999999999.-1.x", "i=0&v=x&l=1e9&h=-3&to=99&tb=<img>&st=nan", "i=0&t=1e99&k=-1"):
        browser.run("location.hash = '#/write?' + arguments[0]", query)
        browser.settle()
        stays_text(browser)
    browser.driver.get_log("browser")
