"""The Explorer's page in Chromium, for `explorer.py`: opened, acted on, and timed from inside."""

import os
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from glassgpt.explorer.page import is_built

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

PATIENCE_SECONDS = 120.0
FLAGS = ("--headless=new", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--window-size=1400,1000")
TOOLS = """
const {port1, port2} = new MessageChannel();
const lookAgain = () => port2.postMessage(0);
window.timed = (act, isDone) => new Promise((end) => {
  const start = performance.now(), watch = new MutationObserver(lookAgain);
  port1.onmessage = () => {
    if (!isDone()) return;
    watch.disconnect();
    end(performance.now() - start);
  };
  watch.observe(document, {subtree: true, childList: true, attributes: true, characterData: true});
  act();
  lookAgain();
});
window.answers = 0;
const real = window.fetch;
window.fetch = async (...asked) => {
  const reply = await real(...asked), read = reply.json.bind(reply);
  if (asked[0].endsWith('/next')) reply.json = () => read().finally(() => {
    window.answers += 1;
    lookAgain();
  });
  return reply;
};
window.all = (selector) => [...document.querySelectorAll(selector)];
window.type = (text) => {
  const box = document.getElementById('text');
  box.focus();
  box.value = text;
  box.dispatchEvent(new Event('input', {bubbles: true}));
};
"""
"""`timed` looks again whenever the page has changed, after everything that it wants to do itself: to look all the time
would take a core from the server, and frames are 16 ms apart. `answers` counts the lists of next words that the page
has read."""


class Page:
    """The page in a browser that has never seen it."""

    def __init__(self, driver: "Chrome", address: str) -> None:
        self.driver, self.address = driver, address
        driver.set_script_timeout(PATIENCE_SECONDS)

    def open(self, link: str) -> None:
        """Open a link, and wait until nothing is asked any more."""
        self.driver.get("about:blank")
        self.driver.get(self.address + link)
        self.driver.execute_script(TOOLS)
        self.until("document.querySelector('main :is([data-figure], pre)')")
        self.rest()

    def rest(self) -> None:
        """Until the page has asked nothing for half a second."""
        seen, same = -1, 0
        while same < 5:
            time.sleep(0.1)
            now = self.driver.execute_script("return performance.getEntriesByType('resource').length")
            seen, same = now, same + 1 if now == seen else 0
        self.driver.execute_script("performance.clearResourceTimings()")

    def until(self, condition: str) -> float:
        """Milliseconds until a condition holds."""
        return float(self.driver.execute_async_script(f"timed(() => 0, () => {condition}).then(arguments[0])"))

    def time(self, act: str, condition: str) -> float:
        """Milliseconds from an act until a condition holds; `before` is how many answers there were."""
        self.rest()
        script = f"const before = answers; timed(() => {{ {act} }}, () => {condition}).then(arguments[0])"
        return float(self.driver.execute_async_script(script))

    def first_paint(self) -> float:
        """Milliseconds from opening the address until something is seen."""
        self.driver.execute_cdp_cmd("Network.clearBrowserCache", {})
        self.open("")
        entry = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime"
        return float(self.driver.execute_script(f"return {entry} ?? NaN"))

    def move(self, place: float) -> float:
        """Milliseconds that the page is busy with one move of the pointer over an open head."""
        script = f"""
const field = document.querySelector('main .field'), box = field.getBoundingClientRect(), start = performance.now();
const where = {{clientX: box.left + {place} * box.width, clientY: box.bottom - 1, bubbles: true}};
field.dispatchEvent(new PointerEvent('pointermove', where));
Promise.resolve().then(() => document.body.offsetHeight)
  .then(() => arguments[0](performance.now() - start));"""
        return float(self.driver.execute_async_script(script))


@contextmanager
def browsing() -> "Iterator[Chrome | None]":
    """A browser with an empty profile; None where that cannot be."""
    chromium, driver_path = shutil.which("chromium"), shutil.which("chromedriver")
    if not chromium or not driver_path or not is_built():
        print("not measured on the page: it needs chromium, chromedriver and `make page`", file=sys.stderr)
        yield None
        return
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for flag in (*FLAGS, *(["--no-sandbox"] if os.geteuid() == 0 else [])):
        options.add_argument(flag)
    driver = webdriver.Chrome(options=options, service=Service(driver_path))
    try:
        yield driver
    finally:
        driver.quit()
