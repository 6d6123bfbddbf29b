"""How long the Explorer makes a person wait: what it answers over HTTP, and what happens on the page in Chromium.

    python benchmarks/explorer.py                  # GPT-2 small's shape, random weights
    python benchmarks/explorer.py --threads 2 --json explorer.json
    python benchmarks/explorer.py --tiny           # a smoke run

Every line is a median of several times, with its budget beside it. On the page, a time runs from the moment something
is done until the page shows what came of it; for the pointer it is how long one move keeps the page from answering.
Without Chromium, its driver or the built page, only what is asked over HTTP is measured.
"""

import argparse
import gzip
import json
import platform
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.request import Request, urlopen

import torch
import uvicorn
from explorer_page import Page, browsing

from glassgpt.explorer import Address, Workshop, create_app
from glassgpt.explorer.page import BUILT, is_built
from glassgpt.explorer.serve import listen
from glassgpt.language_model import LanguageModel
from glassgpt.model import GPT2, SIZES, GPT2Config, initialize, parameter_count
from glassgpt.tokens import Tokenizer

TINY = GPT2Config(vocab_size=50257, context_length=64, emb_dim=16, n_heads=2, n_layers=2)
SHORT, SWEPT = 20, 32
ROUNDS = 7
HEADS = "all('[aria-label=\"layer × head\"] button[data-item] canvas')"


@dataclass(frozen=True, slots=True)
class Found:
    """One line of the table: a median, what it may be, and its unit."""

    what: str
    median: float
    budget: float
    unit: str = "ms"

    def line(self) -> str:
        """As it is printed."""
        mark = "ok" if self.median <= self.budget else "OVER"
        return f"{self.what:<56} {self.median:>9,.1f} {self.unit:<3} budget {self.budget:>8,.0f} {self.unit:<3} {mark}"


class Client:
    """Asks the server as the page does."""

    def __init__(self, address: str) -> None:
        self.address = address

    def ask(self, path: str, body: dict[str, object]) -> Iterator[bytes]:
        """The lines of a reply, as they come."""
        request = Request(f"{self.address}api/{path}", json.dumps(body).encode(), {"content-type": "application/json"})
        with urlopen(request) as reply:
            yield from reply

    def time(self, path: str, body: dict[str, object], until: bytes = b"") -> float:
        """Milliseconds until the whole reply is there, or the first line that begins with `until`."""
        start = time.perf_counter()
        for line in self.ask(path, body):
            if until and line.startswith(until):
                break
        return 1000 * (time.perf_counter() - start)


def text(length: int, number: int = 0) -> list[int]:
    """Another text for every number, so that nothing is answered from what is kept."""
    return [(7 * number + 3 + place * place) % 50257 for place in range(length)]


def median(run: Callable[[int], float], rounds: int = ROUNDS) -> float:
    """Of several rounds, each told its number."""
    return statistics.median(run(number) for number in range(rounds))


def over_http(client: Client, config: GPT2Config) -> Iterator[Found]:
    """What every question costs."""
    long = config.context_length
    client.time("next", {"ids": text(SHORT, 900)})
    words = median(lambda n: client.time("next", {"ids": text(SHORT, n)}))
    yield Found("HTTP: ten next words for 20 tokens, none of them known", words, 150)
    step = median(lambda n: client.time("next", {"ids": [*text(SHORT, 900), n]}))
    yield Found("HTTP: one more token", step, 60)
    ids = text(long, 800)
    client.time("looks", {"ids": ids})  # from now on there is a trace
    layers = config.n_layers

    def head(n: int) -> float:
        return client.time("head", {"ids": ids, "layer": n % layers, "head": n % config.n_heads})

    def small(layer: int) -> float:
        return client.time("heads", {"ids": ids, "layer": layer % layers, "size": 48})

    yield Found(f"HTTP: one head at {long:,} tokens", median(head), 150)
    looks = median(lambda n: client.time("looks", {"ids": ids, "position": n}))
    yield Found("HTTP: where all heads look from one token", looks, 100)
    yield Found("HTTP: the small pictures of one layer", median(small), 400)
    yield Found("HTTP: all small pictures", sum(small(layer) for layer in range(layers)), 3000)
    first = median(lambda n: client.time("sweep", {"ids": text(SWEPT, n)}, until=b"event: layer"), 3)
    yield Found("HTTP: the sweep's first layer at 32 tokens", first, 15_000 / 2)
    whole = client.time("sweep", {"ids": text(SWEPT, 700)})
    yield Found("HTTP: every part silenced at 32 tokens", whole, 15_000)


def on_the_page(page: Page, config: GPT2Config) -> Iterator[Found]:
    """What a person waits for."""
    yield Found("page: first paint", median(lambda _: page.first_paint(), 3), 1000)
    page.open(f"#/write?i={link(text(SHORT, 600))}")
    typed = median(lambda n: page.time(f"type({sentence(n)!r})", "answers > before"))
    yield Found("page: next words after a keystroke, 20 tokens", typed, 150)
    tokens = "all('.strip button').length"
    click = "window.tokens = TOKENS; document.querySelector('main ol li button').click()".replace("TOKENS", tokens)
    clicked = median(lambda _: page.time(click, f"answers > before && {tokens} === window.tokens + 1"))
    yield Found("page: a click on a word", clicked, 60)
    long = config.context_length
    page.open(f"#/write?i={link(text(long, 500))}")
    attention = "all('.rail button').find((each) => each.textContent.startsWith('3')).click()"
    count = config.n_layers * config.n_heads
    drawn = page.time(attention, f"{HEADS}.length === {count} && {HEADS}.every((each) => each.width > 1)")
    yield Found(f"page: Attention opened, all {count} heads, {long:,} tokens", drawn, 3000)
    says = "document.querySelector('main .says.prose')?.textContent"

    def opened(n: int) -> float:
        act = f"window.said = {says}; {HEADS}[{(5 * n + 1) % count}].parentElement.click()"
        return page.time(act, f"{says} !== window.said")

    yield Found(f"page: a head opened at {long:,} tokens", median(opened), 150)
    yield Found("page: one move of the pointer", median(lambda n: page.move((n % 50) / 50), 50), 16)
    page.open(f"#/experiment?i={link(text(SWEPT, 400))}")
    start = "all('main button').find((each) => each.textContent.includes('Silence each part')).click()"
    page.time(start, "document.querySelector('.grids .grid')")
    page.rest()
    yield Found("page: heap of the tab at the end", page.driver.execute_script(HEAP), 300, "MB")


HEAP = "return performance.memory.usedJSHeapSize / 1e6"


def link(ids: list[int]) -> str:
    """Ids as a link holds them."""
    return ".".join(map(str, ids))


def sentence(number: int) -> str:
    """Twenty tokens, of which only the last is new."""
    return " one two three four five six seven eight nine" * 2 + f" and {number}"


def sizes() -> Iterator[Found]:
    """How much is sent and packed."""
    files = [Path(str(each)) for each in Path(str(BUILT)).rglob("*")]
    (main,) = Path(str(BUILT), "assets").glob("index-*.js")
    yield Found("main bundle, gzipped", len(gzip.compress(main.read_bytes())) / 1000, 150, "kB")
    whole = sum(each.stat().st_size for each in files if each.is_file())
    yield Found("the whole page, as packed", whole / 1e6, 3, "MB")


@contextmanager
def serving(lm: LanguageModel) -> Iterator[str]:
    """The address of an Explorer."""
    with listen(Address(port=8300), is_exact=False) as listener:
        server = uvicorn.Server(uvicorn.Config(create_app(Workshop(lm)), log_level="error", lifespan="off"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
        server.should_exit = True
        thread.join(10)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--tiny", action="store_true", help="a smoke run")
    parser.add_argument("--threads", type=int, default=0, help="CPU threads; 0 leaves PyTorch's choice")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    asked = parser.parse_args()
    if asked.threads:
        torch.set_num_threads(asked.threads)
    config = TINY if asked.tiny else SIZES["small"]
    lm = LanguageModel(initialize(GPT2(config), seed=0).eval(), Tokenizer.gpt2(), "random")
    print(f"{parameter_count(config):,} parameters, {torch.get_num_threads()} threads, {platform.machine()}")
    rows: list[Found] = []

    def show(found: Iterator[Found]) -> None:
        for each in found:
            rows.append(each)
            print(each.line(), flush=True)

    with serving(lm) as address:
        show(over_http(Client(address), config))
        with browsing() as driver:
            if driver is not None:
                show(on_the_page(Page(driver, address), config))
    if is_built():
        show(sizes())
    told = json.dumps({"parameters": parameter_count(config), "rows": [asdict(each) for each in rows]})
    print(told)
    if asked.json:
        asked.json.write_text(told + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
