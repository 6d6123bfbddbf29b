"""Take the README's pictures of the Explorer: three pages, and one that moves.

    python docs/explorer_pictures.py [FOLDER]     default: docs/explorer

Opens the model in the box in a Chromium without a window, so it needs `chromium`, `chromedriver`, selenium and Pillow.
Every number is the model's own; run it again after the page or the model has changed.
"""

import io
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.keys import Keys

TEXT = "The young man looked at the old woman, and the young"
SIZE = (1280, 860)
SMALL = (900, 605)
"""Of the picture that moves."""
FLAGS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars", "--lang=en")
FIRST_WORD = "main ol[aria-label='Next word'] li button"
STILL_SECONDS = 0.4
PATIENCE_SECONDS = 120.0


@contextmanager
def explorer() -> Iterator[str]:
    """The Explorer as its command starts it, and where it listens."""
    command = [sys.executable, "-m", "glassgpt", "explore", "embedded", "--json", "--no-open"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            yield json.loads(process.stdout.readline())["url"]
        finally:
            process.terminate()


class Page:
    """A browser at the page, in one theme."""

    def __init__(self, url: str) -> None:
        options = webdriver.ChromeOptions()
        options.binary_location = shutil.which("chromium") or shutil.which("chromium-browser") or ""
        for flag in FLAGS:
            options.add_argument(flag)
        service = Service(shutil.which("chromedriver"))  # named, so that nothing is looked for on the network
        self.driver, self.url = webdriver.Chrome(options=options, service=service), url
        self.resize(*SIZE)

    def resize(self, width: int, height: int) -> None:
        """The window's inside, in pixels."""
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)

    def open(self, theme: str, text: str = TEXT) -> None:
        """Start afresh, and type a text."""
        self.driver.get(f"{self.url}api/models")
        self.run("localStorage.setItem('glassgpt.theme', arguments[0])", theme)
        self.run("localStorage.setItem('glassgpt.language', 'en')")
        self.driver.get(self.url)
        self.wait("document.querySelector('main [data-figure] li button')")
        self.run(
            "const box = document.getElementById('text'); box.value = arguments[0];"
            "box.dispatchEvent(new Event('input', {bubbles: true})); box.blur()",
            text,
        )
        self.settle()

    def go(self, digit: str) -> None:
        """To a page, by its key."""
        self.press(digit)
        self.settle()

    def press(self, key: str) -> None:
        """A key, wherever nothing is typed."""
        self.run("document.activeElement.blur()")
        webdriver.ActionChains(self.driver).send_keys(key).perform()

    def click(self, selector: str) -> None:
        """The first element of a kind."""
        self.run("document.querySelector(arguments[0]).click()", selector)
        self.settle()

    def run(self, script: str, *given: object) -> object:
        """JavaScript in the page."""
        return self.driver.execute_script(script, *given)

    def wait(self, condition: str) -> None:
        """Until something is true of the page."""
        end = time.monotonic() + PATIENCE_SECONDS
        while not self.run(f"return Boolean({condition})"):
            if time.monotonic() > end:
                raise TimeoutError(condition)
            time.sleep(0.05)

    def settle(self) -> None:
        """Until nothing that was asked is outstanding, for a moment."""
        calm = time.monotonic()
        while time.monotonic() - calm < STILL_SECONDS:
            if self.run("return document.getElementById('page')?.getAttribute('aria-busy') === 'true'"):
                calm = time.monotonic()
            time.sleep(0.05)

    def shot(self) -> Image.Image:
        """What is on the screen."""
        return Image.open(io.BytesIO(self.driver.get_screenshot_as_png())).convert("RGB")


def stills(page: Page, folder: Path) -> None:
    """Write and Attention by day, Journey by night."""
    page.open("light")
    page.click(FIRST_WORD)  # and back: a second reading takes the time that it always takes
    page.press("u")
    page.settle()
    save(page.shot(), folder / "write.png")
    page.go("3")
    page.click("[aria-label^='layer 2, head 1']")
    page.click("#tab-scores")
    page.resize(SIZE[0], SIZE[1] + 180)  # all four tables
    save(page.shot(), folder / "attention.png")
    page.resize(*SIZE)
    page.open("dark")
    page.go("2")
    save(page.shot(), folder / "journey.png")


def moving(page: Page, folder: Path) -> None:
    """Words are chosen; then heads are looked into."""
    page.open("light", "It was a dark night, and the captain")
    frames = [page.shot()]
    for _ in range(4):
        page.click(FIRST_WORD)
        frames.append(page.shot())
    page.go("2")
    frames.append(page.shot())
    page.go("3")
    for name in ("layer 2, head 1", "layer 3, head 4"):
        page.click(f"[aria-label^='{name}']")
        frames.append(page.shot())
    for _ in range(3):
        page.press(Keys.ARROW_LEFT)
        page.settle()
        frames.append(page.shot())
    small = [frame.resize(SMALL, Image.Resampling.LANCZOS) for frame in frames]
    durations = [1400 if frame in (small[0], small[-1]) else 900 for frame in small]
    rest = {"save_all": True, "append_images": small[1:], "duration": durations, "loop": 0}
    small[0].save(folder / "explorer.webp", quality=60, method=6, **rest)


def save(picture: Image.Image, path: Path) -> None:
    """A screenshot in 256 colours, which is all that it has, nearly."""
    picture.quantize(256, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE).save(path, optimize=True)


def main() -> None:
    """Take all of them."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent / "explorer")
    folder.mkdir(parents=True, exist_ok=True)
    with explorer() as url:
        page = Page(url)
        try:
            stills(page, folder)
            moving(page, folder)
        finally:
            page.driver.quit()
    for path in sorted(folder.iterdir()):
        print(f"{path}: {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
