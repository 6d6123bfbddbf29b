"""The page in a real browser: Debian's Chromium, driven by Selenium, with nothing to reach but this machine.

Where GLASSGPT_BROWSER is `required`, as in CI, a missing browser, driver or page is an error and no reason to skip.
"""

import json
import os
import shutil
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.contracts.tree import ROOT

PAGES = ("write", "journey", "attention", "words", "weights", "cache", "experiment", "compare", "train", "read", "tour")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
DRIVER = shutil.which("chromedriver")
PAGE = ROOT / "src" / "glassgpt" / "explorer" / "page" / "index.html"
FIGURES = ROOT / "src" / "glassgpt" / "interpret" / "page" / "notebook.js"
AXE = ROOT / "web" / "node_modules" / "axe-core" / "axe.min.js"
FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--window-size=1400,1000",
    "--lang=en",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)
PATIENCE_SECONDS = 60.0
"""Far more than anything takes: other programs may want the same two cores."""
COUNT_QUESTIONS = """
window.outstanding = 0;
const real = window.fetch;
window.fetch = async (...asked) => {
  window.outstanding += 1;
  window.lastChange = performance.now();
  try {
    const reply = await real(...asked);
    const isStream = (reply.headers.get('content-type') ?? '').startsWith('text/event-stream');
    if (!isStream) await reply.clone().arrayBuffer();
    return reply;
  } finally {
    window.outstanding -= 1;
    window.lastChange = performance.now();
  }
};
"""
"""Runs before the page's own scripts, so that a test can wait until the page has what it asked for."""


def missing():
    """What a test in a browser needs and does not find."""
    found = {
        "chromium": CHROMIUM,
        "chromedriver": DRIVER,
        "the page (make page)": PAGE.is_file() and FIGURES.is_file(),
        "axe": AXE.is_file(),
    }
    return [name for name, there in found.items() if not there]


def pytest_collection_modifyitems(items):
    """Skip, with the reason, where something is missing that is not required."""
    if not missing() or os.environ.get("GLASSGPT_BROWSER") == "required":
        return
    for item in items:
        if "browser" in Path(str(item.fspath)).parts:
            item.add_marker(pytest.mark.skip(reason=f"not here: {', '.join(missing())}"))


def make_run(folder, model):
    """A run that made two steps and saved a model that exists."""
    from glassgpt.checkpoints.manifest import write_manifest

    checkpoint = folder / "ckpt" / "step-00000002"
    shutil.copytree(model, checkpoint)
    write_manifest(checkpoint)
    recipe = {"recipe": {"steps": 2, "rows": 1, "model": {"context_length": 256}}}
    (folder / "recipe.json").write_text(json.dumps(recipe))
    lines = [
        {"event": "step", "step": n, "loss": 3.0 - n / 4, "lr": 0.1, "norm": 1.0, "tokens_per_second": 9.0}
        for n in (1, 2)
    ]
    lines.append({"event": "sample", "step": 2, "prompt": "The", "text": " sea <img src=x onerror=alert(1)>"})
    (folder / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))


@pytest.fixture(scope="session")
def workshop(tmp_path_factory):
    """The model that ships, one run beside it with a checkpoint of its own."""
    import glassgpt
    from glassgpt.explorer import Workshop

    lm = glassgpt.load(device="cpu")
    runs = tmp_path_factory.mktemp("runs")
    make_run(runs / "demo", lm.path)
    return Workshop(lm, runs=[runs], device="cpu")


@contextmanager
def listening(workshop):
    """The Explorer on a free port; its address."""
    import uvicorn

    from glassgpt.explorer import create_app
    from glassgpt.explorer.serve import Address, listen

    with listen(Address(port=8200), is_exact=False) as listener:
        config = uvicorn.Config(create_app(workshop), log_level="error", lifespan="off", timeout_graceful_shutdown=5)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
        finally:  # a server that is left answers for the next one on its port, over connections that the browser keeps
            server.should_exit = True
            thread.join(30)


@pytest.fixture(scope="session")
def address(workshop):
    """The Explorer over the model that ships."""
    with listening(workshop) as where:
        yield where


def start_chromium():
    """A browser with an empty profile of its own, which quit() removes."""
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM or ""
    for flag in FLAGS:
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(DRIVER))
    driver.set_script_timeout(PATIENCE_SECONDS)
    driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": COUNT_QUESTIONS})
    return driver


@pytest.fixture(scope="session")
def chromium():
    assert missing() == []
    driver = start_chromium()
    yield driver
    driver.quit()


@pytest.fixture
def browser(chromium, address):
    """A fresh visit; at its end nothing may have been logged, asked of another machine, or popped up."""
    visit = Visit(chromium, address)
    visit.open()
    yield visit
    assert visit.complaints() == []
    assert visit.foreign() == []


class Visit:
    """A person at the page: they see, click and type."""

    def __init__(self, driver, address):
        self.driver, self.address = driver, address
        self.asked: list[str] = []

    def open(self, link="", *, theme="light"):
        """Open the page in a theme and in English, whatever was chosen before."""
        self.driver.get(self.address + "api/models")
        self.run(f"localStorage.clear(); localStorage.setItem('glassgpt.theme', '{theme}')")
        self.run("localStorage.setItem('glassgpt.language', 'en')")
        self.driver.get_log("browser")
        self.driver.get_log("performance")
        self.driver.get(self.address + link)
        self.wait("document.querySelector('main :is([data-figure], pre)')")

    def page(self, name):
        """Go to a page by the rail."""
        digit = str((PAGES.index(name) + 1) % 10) if name != "tour" else "g"
        find = "[...document.querySelectorAll('.rail button')].find((b) => b.textContent.startsWith(arguments[0]))"
        self.run(f"({find}).click()", digit)
        self.wait(f"document.querySelector('main[data-page={name}] :is([data-figure], pre)')")
        self.settle()

    def run(self, script, *arguments):
        return self.driver.execute_script(script, *arguments)

    def wait(self, condition, seconds=0.0):
        """Until a JavaScript expression is true; its value. What asks something of an absent element is not true."""
        end = time.monotonic() + (seconds or PATIENCE_SECONDS)
        while time.monotonic() < end:
            if value := self.run(f"try {{ return {condition} }} catch {{ return false }}"):
                return value
            time.sleep(0.05)
        raise AssertionError(f"never true: {condition}\n{self.text()[:2000]}")

    def settle(self):
        """Until nothing that was asked is outstanding and nothing new was asked for a moment."""
        now = self.run("return performance.now()")
        self.wait(f"outstanding === 0 && performance.now() - Math.max({now}, window.lastChange ?? 0) > 300")

    def text(self, selector="body"):
        return self.run("return document.querySelector(arguments[0])?.innerText ?? ''", selector)

    def find(self, selector, text=""):
        """The first element of a kind, perhaps one that says something."""
        script = "return [...document.querySelectorAll(arguments[0])].find((e) => e.textContent.includes(arguments[1]))"
        end = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < end:
            if (found := self.run(script, selector, text)) is not None:
                return found
            time.sleep(0.05)
        raise AssertionError(f"no {selector} says {text!r}")

    def click(self, selector, text=""):
        self.run("arguments[0].scrollIntoView({block: 'center'})", found := self.find(selector, text))
        found.click()

    def keys(self, *keys):
        """Press keys one after the other, wherever the focus is."""
        from selenium.webdriver.common.action_chains import ActionChains

        for key in keys:
            ActionChains(self.driver).send_keys(key).perform()

    def tab_to(self, selector, most=80):
        """Reach an element with the Tab key alone, once the page is still and has it."""
        from selenium.webdriver.common.keys import Keys

        self.settle()
        self.wait(f"document.querySelector({json.dumps(selector)})")
        for _ in range(most):
            if self.run("return document.activeElement?.matches(arguments[0])", selector):
                return
            self.keys(Keys.TAB)
        raise AssertionError(f"Tab never reaches {selector}")

    def complaints(self):
        """What the browser's console says against us."""
        return [entry["message"] for entry in self.driver.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")]

    def foreign(self):
        """Requests that would have left this machine."""
        sent = [json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance")]
        urls = [m["params"]["request"]["url"] for m in sent if m["method"] == "Network.requestWillBeSent"]
        return [url for url in urls if not url.startswith((self.address, "data:", "blob:"))]
