"""Page equals Python: numbers of every view, evaluated after the lines that are copied with them.

Of each view some numbers are drawn at random, by a fixed seed: those that stand on the page, and those that cells of
pictures, points of curves and bars say when they are pointed at.
"""

import functools
import random
import re

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

WANTED = 200
PER_VIEW = 22
SLOW = ("sweep", "compare", "weight", "position_similarity", "embedding_map")
"""Computed once for the same arguments."""
TABS = ("pattern", "scores", "qkv", "writes")
VIEWS = (
    *("write", "journey", *(f"attention {tab}" for tab in TABS), "words", "weights", "cache"),
    *("experiment", "compare", "train", "read"),
)
STANDING = """
return [...document.querySelectorAll('main [data-python][data-value]')]
  .map((e) => [e.dataset.python, e.dataset.value, e.querySelector('.r')?.textContent ?? e.textContent])
"""
POINTED = """
const [seed, most, done] = arguments;
let state = seed;
const chance = () => ((state = (state * 16807) % 2147483647) / 2147483647);
const kinds = '.field, svg[role=img], .grids .grid button, .map button';
const places = [...document.querySelector('main').querySelectorAll(kinds)];
const found = [];
(async () => {
  for (let n = 0; n < most && places.length; n += 1) {
    const place = places[Math.floor(chance() * places.length)];
    const box = place.getBoundingClientRect();
    const where = {clientX: box.left + chance() * box.width, clientY: box.top + chance() * box.height, bubbles: true};
    for (const kind of ['pointerenter', 'pointermove']) place.dispatchEvent(new PointerEvent(kind, where));
    await new Promise((ready) => setTimeout(ready, 15));
    const code = document.querySelector('.status code[data-value]');
    if (code) found.push([code.dataset.python, code.dataset.value, '']);
  }
  done(found);
})();
"""


@pytest.fixture
def loading_once(monkeypatch):
    """Each model is loaded once for all views."""
    import glassgpt

    monkeypatch.setattr(glassgpt, "load", functools.cache(glassgpt.load))


def test_two_hundred_numbers_are_what_their_python_gives(browser, loading_once):
    chosen = random.Random(6)
    checked, wrong, counts = 0, [], {}
    browser.run("location.hash = location.hash + '&x=' + encodeURIComponent('[{\"line\":\"scale mlp 2 by 0.5\"}]')")
    browser.wait("new URLSearchParams(location.hash.split('?')[1]).get('x') !== null")
    for view in VIEWS:
        page, _, tab = view.partition(" ")
        browser.page(page)
        if tab:
            browser.click(f"#tab-{tab}")
            browser.settle()
        if page == "experiment":
            browser.wait("document.querySelectorAll('.grids .grid').length === 2")
            browser.settle()
        standing = browser.run(STANDING)
        pointed = browser.driver.execute_async_script(POINTED, chosen.randrange(1, 2**20), 2 * PER_VIEW)
        numbers = {python: (value, text) for python, value, text in (*standing, *pointed) if value is not None}
        sample = chosen.sample(sorted(numbers), min(PER_VIEW, len(numbers)))
        counts[view] = len(sample)
        space: dict[str, object] = {}
        exec(browser.run("return document.querySelector('[data-preamble]').dataset.preamble"), space)
        space |= {name: functools.cache(space[name]) for name in SLOW}
        for python in sample:
            value, text = numbers[python]
            again = float(eval(python, space))  # what a reader would see in their own session
            checked += 1
            if abs(again - float(value)) > 1e-4 * max(1.0, abs(again)) or not says(text, again):
                wrong.append((view, python, value, text, again))
    assert wrong == []
    assert min(counts.values()) >= 2, counts
    assert checked >= WANTED, counts


def says(text, value):
    """Whether the written number is the value in its digits: as it is, in percent, in bits, or in bytes."""
    found = re.findall(r"[-−+<]?\d[\d,]*\.?\d*(?:e[-+]\d+)?", text)
    if not found or "<" in found[-1]:
        return True
    written = found[-1].replace(",", "").replace("−", "-").replace("+", "")
    decimals = len(written.partition("e")[0].partition(".")[2])
    scales = (1, 100, -1.4426950408889634, 1e-3, 1e-6, 1e-9)
    slack = 0.51 * 10**-decimals + 1e-4 * abs(float(written))
    return any(abs(abs(float(written)) - abs(scale * value)) <= slack for scale in scales)
