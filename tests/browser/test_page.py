"""The page keeps its promises: it is quiet and accessible, its links and files hold what is seen."""

import pytest

from tests.browser.conftest import AXE, PAGES

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_on_any_page(browser, theme):
    browser.open(theme=theme)
    found = {}
    for page in PAGES:
        browser.page(page)
        browser.run(AXE.read_text(encoding="utf-8"))
        report = browser.driver.execute_async_script("axe.run(document).then((r) => arguments[0](r.violations))")
        found |= {f"{page} {each['id']}": [node["html"][:150] for node in each["nodes"][:3]] for each in report}
    assert found == {}


def test_a_link_restores_the_whole_state(browser):
    browser.page("attention")
    browser.click("[aria-label='layer × head'] button[data-item]:nth-of-type(9)")
    browser.click("[role=tab]", "Scores")
    browser.settle()
    link = browser.run("return location.hash")
    seen = browser.text("main")
    browser.open(link)
    browser.settle()
    assert browser.run("return location.hash") == link
    assert browser.text("main") == seen


def test_pictures_leave_as_svg_with_their_text_as_text(browser):
    browser.page("write")
    browser.run("window.saved = []; URL.createObjectURL = (blob) => { saved.push(blob); return 'data:,' }")
    for number, kind in enumerate(("SVG", "PNG", "One HTML file", "Data (JSON)", "Data (CSV)"), start=1):
        browser.click("[data-tool=export]")
        browser.click(".menu button", kind)
        browser.wait(f"saved.length === {number}")
    svg, png, page, data, table = browser.driver.execute_async_script(
        "Promise.all(saved.map((blob) => blob.type === 'image/png' ? blob.size : blob.text())).then(arguments[0])"
    )
    assert svg.startswith("<svg xmlns=")
    assert "Next word" in browser.text("main")
    assert png > 1000
    assert "Python" in page
    assert "glassgpt.load" in page
    assert '"rows"' in data
    assert table.splitlines()[0].startswith("word,id")


@pytest.mark.parametrize("width", [320, 400, 1600])
def test_no_page_is_wider_than_the_window(browser, width):
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    browser.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    try:
        wide = {}
        for page in PAGES:
            browser.page(page)
            wide[page] = browser.run("return document.documentElement.scrollWidth") - width
        assert {page: more for page, more in wide.items() if more > 0} == {}
    finally:
        browser.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_the_interface_speaks_german(browser):
    browser.run("localStorage.setItem('glassgpt.language', 'de')")
    browser.driver.refresh()
    browser.wait("document.querySelector('main [data-figure] ol li')")
    assert "Nächstes Wort" in browser.text("body")
    assert "Next word" not in browser.text("body")
