"""The twelve stories of `docs/explorer.md`, each once with the mouse and once with keys alone."""

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

TOKENS = "document.querySelectorAll('.strip button').length"
HEAD = "new URLSearchParams(location.hash.split('?')[1]).get('h')"


def state(browser, name):
    return browser.run("return new URLSearchParams(location.hash.split('?')[1]).get(arguments[0])", name)


def keys():
    from selenium.webdriver.common.keys import Keys

    return Keys


def away(browser):
    """Focus on the page itself, where single keys mean something."""
    browser.run("document.activeElement?.blur(); document.getElementById('page').focus()")


class TestWrite:
    """Go on with a word that is not the first, go back, and let it write."""

    def story(self, browser, choose, undo, write):
        before = browser.wait(TOKENS)
        choose()
        browser.wait(f"{TOKENS} === {before + 1}")
        undo()
        browser.wait(f"{TOKENS} === {before}")
        write()
        browser.wait(f"{TOKENS} === {before + 20}")
        assert len(browser.text("figure:last-of-type")) > 0

    def test_with_the_mouse(self, browser):
        self.story(
            browser,
            lambda: browser.click("main ol li:nth-child(3) button"),
            lambda: browser.click("main button", "Undo"),
            lambda: browser.click("main button", "Write 20"),
        )

    def test_with_keys(self, browser):
        def choose():
            browser.tab_to("main ol li button")
            browser.keys("3")

        def undo():
            away(browser)
            browser.keys("u")

        self.story(browser, choose, undo, lambda: browser.keys("w"))


class TestJourney:
    """Climb to a stop and watch another word."""

    def test_with_the_mouse(self, browser):
        browser.page("journey")
        browser.click(".way tbody tr:nth-child(4) th button")
        browser.wait("document.querySelector('.way tr.on')")
        browser.click(".way .lens button")
        browser.wait("new URLSearchParams(location.hash.split('?')[1]).get('v') !== null")
        assert "all parts" in browser.text("main")

    def test_with_keys(self, browser):
        browser.keys("2")
        browser.wait("document.querySelector('.way tbody button')")
        browser.tab_to(".way tbody [data-item]")
        browser.keys(keys().ARROW_DOWN, keys().ENTER)
        browser.settle()
        assert "all parts" in browser.text("main")


class TestAttention:
    """Open a head, look from another token, see the four tables, switch the head off."""

    def ends(self, browser, head, tokens):
        browser.wait(f"{HEAD} === '{head}'")
        browser.wait("document.querySelectorAll('.stages canvas').length === 4")
        assert state(browser, "p") == str(tokens - 2)
        assert f"zero head 0.{head}" in state(browser, "x")

    def test_with_the_mouse(self, browser):
        browser.page("attention")
        tokens = browser.run(f"return {TOKENS}")
        browser.click("[aria-label='layer × head'] button[data-item]:nth-of-type(3)")
        browser.click(f".strip button:nth-child({tokens - 1})")
        browser.click("[role=tab]", "Scores")
        browser.click("main button", "Switch off")
        self.ends(browser, 2, tokens)

    def test_with_keys(self, browser):
        browser.keys("3")
        browser.wait("document.querySelector('[role=tab]')")
        tokens = browser.run(f"return {TOKENS}")
        away(browser)
        browser.keys("]", "]", keys().ARROW_LEFT, "x")
        browser.tab_to("[role=tab][aria-selected=true]")
        browser.keys(keys().ARROW_RIGHT)
        self.ends(browser, 2, tokens)


class TestWords:
    """Ask what lies near a word, and what a difference means."""

    def test_with_the_mouse(self, browser):
        browser.page("words")
        box = browser.find(".pick input")
        box.clear()
        box.send_keys("sea")
        browser.wait("[...document.querySelectorAll('h2')].some((h) => h.textContent.includes('sea'))")
        browser.settle()
        assert "Nearest to" in browser.text("main")
        browser.wait("document.querySelectorAll('.field svg text').length > 10")  # the map names the words in view

    def test_with_keys(self, browser):
        browser.keys("4")
        browser.wait("document.querySelector('.pick input')")
        browser.tab_to(".pick input")
        browser.keys("s", "e", "a")
        browser.settle()
        assert state(browser, "m") == "embedded"  # letters typed in a box are no commands
        assert "−" in browser.text("main")


class TestWeights:
    """Find the total and open a matrix."""

    def test_with_the_mouse(self, browser):
        browser.page("weights")
        assert "12,318,720" in browser.text("main")
        browser.click(".map button[aria-label^='h.2.mlp.c_fc.weight']")
        browser.wait("[...document.querySelectorAll('h2')].some((h) => h.textContent.includes('h.2.mlp.c_fc.weight'))")

    def test_with_keys(self, browser):
        browser.keys("5")
        browser.wait("document.querySelector('.map button')")
        browser.tab_to(".map button")
        browser.keys(keys().ARROW_RIGHT, keys().ENTER)
        browser.wait("[...document.querySelectorAll('h2')].some((h) => h.textContent.includes('wpe.weight'))")


class TestCache:
    """Take a step and see one column computed."""

    @pytest.mark.parametrize("way", ["mouse", "keys"])
    def test_with(self, browser, way):
        browser.keys("6") if way == "keys" else browser.page("cache")
        browser.wait("document.querySelector('rect.fresh')")
        if way == "keys":
            away(browser)
            browser.keys(" ")
        else:
            browser.click("figure .tools button", "Step")
        browser.wait("document.querySelectorAll('rect.fresh').length === 6")  # six layers, one token
        assert "remembered" in browser.text("main")


class TestExperiment:
    """Silence a part, see before and after, find out which part matters."""

    def ends(self, browser):
        browser.wait("document.body.innerText.includes('KL') && !document.body.innerText.includes('Nothing changes')")
        browser.wait("document.querySelectorAll('.grids .grid').length === 2")
        assert "zero mlp 3" in state(browser, "x")

    def test_with_the_mouse(self, browser):
        browser.page("experiment")
        browser.find("form input").send_keys("zero mlp 3")
        browser.click("form button", "Add")
        browser.wait("document.querySelector('figure .tools button.plain:enabled')", 120)
        browser.click("main button", "Silence each part")
        self.ends(browser)

    def test_with_keys(self, browser):
        browser.keys("7")
        browser.wait("document.querySelector('form input')")
        browser.tab_to("form input")
        browser.keys(*"zero mlp 3", keys().ENTER)
        browser.wait("document.querySelector('figure .tools button.plain:enabled')", 120)
        browser.tab_to("figure .tools button.plain")
        browser.keys(keys().ENTER)
        self.ends(browser)


class TestCompare:
    """Compare with a checkpoint, and jump to the largest difference."""

    @pytest.mark.parametrize("way", ["mouse", "keys"])
    def test_with(self, browser, way):
        browser.keys("7") if way == "keys" else browser.page("experiment")
        browser.tab_to("form input") if way == "keys" else browser.click("form input")
        browser.keys(*"zero block 2", keys().ENTER)
        away(browser)
        browser.keys("8") if way == "keys" else browser.page("compare")
        browser.wait("document.querySelector('[id^=compared-]')")
        browser.settle()
        if way == "keys":
            away(browser)
            browser.keys("n")
        else:
            browser.click("[id=compared-3]")
        browser.wait("document.querySelector('[id^=compared-][aria-pressed=true]')")
        assert "KL" in browser.text("main")


class TestTrain:
    """See a run's loss, and open one of its checkpoints."""

    @pytest.mark.parametrize("way", ["mouse", "keys"])
    def test_with(self, browser, way):
        browser.keys("9") if way == "keys" else browser.page("train")
        browser.find("main button", "Explore this step")
        if way == "keys":
            browser.tab_to("main button.strong")
            browser.keys(keys().ENTER)
        else:
            browser.click("main button", "Explore this step")
        browser.wait("new URLSearchParams(location.hash.split('?')[1]).get('m') === 'demo@2'")
        assert "sea <img src=x onerror=alert(1)>" in browser.text("blockquote")


class TestRead:
    """Paste a text and go to its most surprising word."""

    @pytest.mark.parametrize("way", ["mouse", "keys"])
    def test_with(self, browser, way):
        browser.keys("0") if way == "keys" else browser.page("read")
        browser.wait("document.querySelector('#given').value.length > 10")
        browser.tab_to("#given") if way == "keys" else browser.click("#given")
        browser.keys(keys().END, *" of cheese")
        browser.wait("document.querySelector('[id^=token-]') && document.body.innerText.includes('cheese')")
        browser.settle()
        if way == "keys":
            browser.tab_to("tbody [data-item]", 200)
            browser.keys(keys().ENTER)
        else:
            browser.click("tbody th button")
        browser.wait("document.activeElement.id.startsWith('token-')")
        assert "bits per byte" in browser.text("main")


class TestTour:
    """Through all fourteen stops, and out of it exactly where one is."""

    @pytest.mark.parametrize("way", ["mouse", "keys"])
    def test_with(self, browser, way):
        browser.keys("g") if way == "keys" else browser.page("tour")
        browser.find("main button", "Begin")
        if way == "keys":
            browser.tab_to("main button.strong")
            browser.keys(keys().ENTER)
        else:
            browser.click("main button", "Begin")
        for number in range(1, 15):
            browser.wait(f"document.querySelector('aside.tour')?.innerText.includes('{number} / 14')")
            browser.settle()
            if number < 14 and way == "keys":
                away(browser)
                browser.keys(" ")
            elif number < 14:
                browser.click("aside.tour button.strong")
        browser.keys(keys().ESCAPE)
        browser.wait("!document.querySelector('aside.tour')")
        assert state(browser, "m") == "embedded"
        assert browser.run("return location.hash").startswith("#/train")


class TestSharing:
    """Copy a number as Python and the place as a link; the lines run, the link leads back."""

    @pytest.mark.parametrize("way", ["mouse", "keys"])
    def test_with(self, browser, way):
        browser.run("navigator.clipboard.writeText = (text) => { window.copied = text; return Promise.resolve() }")
        browser.keys("3") if way == "keys" else browser.page("attention")
        browser.find("[role=tabpanel] li button")
        browser.settle()
        if way == "keys":
            browser.tab_to("[role=tabpanel] li button")
            browser.keys("c")
        else:
            browser.click("[role=tabpanel] li button")
            browser.click(".status button")
        lines = browser.wait("window.copied")
        *before, last = lines.strip().splitlines()
        space: dict[str, object] = {}
        exec("\n".join(before), space)
        assert 0 < float(eval(last, space)) <= 1
        if way == "keys":
            browser.keys("l")
        else:
            browser.click("header button", "Copy link")
        link = browser.wait("window.copied.startsWith('http') && window.copied")
        browser.open("#" + link.partition("#")[2])
        browser.wait("document.querySelector('[role=tabpanel] li button')")
        assert state(browser, "l") == "0"
