"""How long the Explorer makes a person wait: its questions over HTTP, and the page in Chromium if that is here.

    python benchmarks/explorer.py            # GPT-2 small's shape, random weights
    python benchmarks/explorer.py --tiny     # a smoke run of a few seconds

Each line is a median with the budget beside it; the last line is JSON. The page is measured from the moment an address
is opened to the first paint that the browser reports.
"""

import argparse
import json
import shutil
import statistics
import threading
import time
from collections.abc import Callable
from urllib.request import Request, urlopen

import torch
import uvicorn

from glassgpt.explorer import Address, Workshop, create_app
from glassgpt.explorer.serve import listen
from glassgpt.language_model import LanguageModel
from glassgpt.model import GPT2, SIZES, GPT2Config, initialize
from glassgpt.tokens import Tokenizer

TINY = GPT2Config(vocab_size=50257, context_length=64, emb_dim=16, n_heads=2, n_layers=2)


def asking(address: str) -> Callable[[str, dict[str, object]], bytes]:
    """A client on this machine."""

    def ask(path: str, body: dict[str, object]) -> bytes:
        request = Request(f"{address}api/{path}", json.dumps(body).encode(), {"content-type": "application/json"})
        with urlopen(request) as reply:
            return reply.read()

    return ask


def median(run: Callable[[int], object], rounds: int = 5) -> float:
    """Seconds; `run` is told the round, so that nothing can be answered from what is kept."""
    taken = []
    for number in range(rounds):
        start = time.perf_counter()
        run(number)
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)


def questions(ask: Callable[[str, dict[str, object]], bytes], config: GPT2Config) -> dict[str, tuple[float, float]]:
    """Seconds and budget of every question."""
    short, long = 20, config.context_length
    layers = range(config.n_layers)

    def text(length: int, number: int) -> list[int]:
        return [(7 * number + place * place) % config.vocab_size for place in range(length)]

    def click(number: int) -> None:
        ask("next", {"ids": [*text(short, 90), number]})

    ask("next", {"ids": text(short, 90)})
    found = {
        "ten next words for 20 tokens": (median(lambda n: ask("next", {"ids": text(short, n)})), 0.15),
        "a click: one more token": (median(click), 0.06),
    }
    ids = text(long, 50)
    ask("looks", {"ids": ids})  # the trace is there
    found[f"open a head at {long:,} tokens"] = (
        median(lambda n: ask("head", {"ids": ids, "layer": n % len(layers)})),
        0.15,
    )
    found["where all heads look from one token"] = (median(lambda n: ask("looks", {"ids": ids, "position": n})), 0.1)
    found["the small pictures of one layer"] = (
        median(lambda n: ask("heads", {"ids": ids, "layer": n % len(layers)})),
        0.4,
    )
    all_layers = median(lambda _: [ask("heads", {"ids": ids, "layer": layer}) for layer in layers], 1)
    found["all small pictures"] = (all_layers, 3.0)
    sweep = median(lambda n: ask("sweep", {"ids": text(32, n)}), 1)
    found["silencing every part at 32 tokens"] = (sweep, 15.0)
    return found


def first_paint(address: str) -> float | None:
    """Seconds until the page shows something; None without Chromium, its driver or the built page."""
    chromium, driver_path = shutil.which("chromium"), shutil.which("chromedriver")
    if not chromium or not driver_path:
        return None
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for flag in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(flag)
    driver = webdriver.Chrome(options=options, service=Service(driver_path))
    try:
        driver.get(address)
        time.sleep(1)
        script = "return performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? null"
        painted = driver.execute_script(script)
        return None if painted is None else painted / 1000
    finally:
        driver.quit()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--tiny", action="store_true", help="a smoke run")
    parser.add_argument("--threads", type=int, default=0, help="CPU threads; 0 leaves PyTorch's choice")
    asked = parser.parse_args()
    if asked.threads:
        torch.set_num_threads(asked.threads)
    config = TINY if asked.tiny else SIZES["small"]
    lm = LanguageModel(initialize(GPT2(config), seed=0).eval(), Tokenizer.gpt2(), "random")
    with listen(Address(port=8300), is_exact=False) as listener:
        server = uvicorn.Server(uvicorn.Config(create_app(Workshop(lm)), log_level="error", lifespan="off"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        address = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        found = questions(asking(address), config)
        painted = first_paint(address)
        if painted is not None:
            found["first paint"] = (painted, 1.0)
        server.should_exit = True
        thread.join(10)
    for name, (seconds, budget) in found.items():
        mark = "ok" if seconds <= budget else "over"
        print(f"{name:<38} {1000 * seconds:>8.1f} ms   budget {1000 * budget:>8,.0f} ms   {mark}")
    print(json.dumps({name: {"seconds": seconds, "budget": budget} for name, (seconds, budget) in found.items()}))


if __name__ == "__main__":
    main()
