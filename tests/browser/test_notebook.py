"""The figure for notebooks in a bare page with the strictest rules, beside a kernel that is only pretended."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from glassgpt import interpret
from glassgpt.interpret.packed import SCRIPT, pack
from tests.browser.conftest import AXE, Visit

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

HOSTILE = "<img src=x onerror=alert(1)>"
POLICY = "default-src 'none'; script-src 'self'; connect-src 'self'; img-src data:"
PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>A notebook</title>
<script type="module" src="bare.js"></script>"""
BARE = """
import make from './notebook.js';

class Model {
  constructor(values) { this.values = values; this.hears = []; this.saved = 0; }
  get(name) { return this.values[name]; }
  set(name, value) { this.values[name] = value; this.changed(name); }
  save_changes() { this.saved += 1; }
  on(event, act) { this.hears.push([event, act]); }
  off(event, act) { this.hears = this.hears.filter(([e, a]) => e !== event || a !== act); }
  changed(name) { for (const [event, act] of this.hears) if (event === `change:${name}`) act(); }
}
const bytes = await (await fetch('./data')).arrayBuffer();
const shifted = new Uint8Array(bytes.byteLength + 3); // buffers come as a part of a message
shifted.set(new Uint8Array(bytes), 3);
window.figures = [[0, 0], [3, 2]].map(([layer, head], n) => {
  const model = new Model({ data: new DataView(shifted.buffer, 3), layer, head, position: -1 });
  const el = document.createElement('div');
  if (n === 0) document.body.append(el);
  const leave = make().render({ model, el });
  if (n === 1) document.body.append(el); // so does JupyterLab
  return { model, el, leave, root: el.shadowRoot };
});
"""


@pytest.fixture(scope="module")
def seen():
    import glassgpt

    lm = glassgpt.load(device="cpu", backend="torch")
    ids = lm.tokenizer.encode("The captain of the ship looked at the sea, and the")
    spelled = {ids[3]: HOSTILE}
    return interpret.trace(lm.model, ids, spell=lambda n: spelled.get(n) or lm.tokenizer.spell(n))


@pytest.fixture(scope="module")
def bare_page(seen):
    answers = {
        "/": ("text/html", PAGE.encode()),
        "/bare.js": ("text/javascript", BARE.encode()),
        "/notebook.js": ("text/javascript", SCRIPT.read_bytes()),
        "/data": ("application/octet-stream", pack(seen)),
        "/favicon.ico": ("image/x-icon", b""),
    }

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self):
            kind, body = answers[self.path]
            self.send_response(200)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(body)))
            self.send_header("content-security-policy", POLICY)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join(10)


@pytest.fixture
def visit(chromium, bare_page):
    chromium.get_log("browser")
    chromium.get_log("performance")
    visit = Visit(chromium, bare_page)
    chromium.get(bare_page)
    visit.wait("window.figures?.every(({root}) => root.querySelectorAll('canvas').length > 30)")
    yield visit
    assert visit.complaints() == []
    assert visit.foreign() == []


def numbers(visit, figure):
    found = "[...figures[arguments[0]].root.querySelectorAll('[data-python][data-value]')]"
    return visit.run(f"return {found}.map((e) => [e.dataset.python, e.dataset.value])", figure)


def pick(visit, figure, label):
    """Click the picture of a head, or a token."""
    script = (
        "figures[arguments[0]].root.querySelector(`[aria-label='${arguments[1]}'], [title^='${arguments[1]}']`).click()"
    )
    visit.run(script, figure, label)


@pytest.mark.parametrize("figure", [0, 1])
def test_pictures_have_colours_wherever_they_were_made(visit, figure):
    pixels = """const canvas = figures[arguments[0]].root.querySelector('canvas');
return [...canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data];"""
    visit.wait(f"figures[{figure}].root.querySelector('canvas').width > 1")
    colours = {tuple(colour) for colour in np.reshape(visit.run(pixels, figure), (-1, 4)).tolist()}
    assert len(colours) > 3


def test_every_number_on_the_screen_is_the_traces(visit, seen):
    def check(figure):
        shown = numbers(visit, figure)
        space = {"seen": seen} | {name: getattr(interpret, name) for name in interpret.__all__}
        wrong = [
            (python, value)
            for python, value in shown
            if abs(float(eval(python, space)) - float(value)) > 1e-5  # what a reader would see in their own session
        ]
        assert wrong == []
        return {python for python, _ in shown}

    checked = check(0) | check(1)
    pick(visit, 0, "layer 4, head 5")
    pick(visit, 0, "·ship, token 5")
    visit.wait("figures[0].model.get('position') === 5")
    checked |= check(0)
    assert any(python.startswith("pattern(seen, 4, 5)[5,") for python in checked)
    assert any(python.startswith("lens(seen, 5).probabilities[6,") for python in checked)
    assert len(checked) > 60


def test_small_pictures_are_the_traces_thumbnails(visit, seen):
    """Blue falls from 255 to 8 as a share grows; a cell is the root of its share in 255 steps."""
    script = """const name = `layer ${arguments[0]}, head ${arguments[1]}`;
    const canvas = figures[0].root.querySelector(`[aria-label='${name}'] canvas`);
    const {width, height} = canvas;
    return [...canvas.getContext('2d').getImageData(0, 0, width, height).data].filter((_, n) => n % 4 === 2)"""
    for layer, head in [(0, 0), (3, 1), (5, 5)]:
        blue = np.array(visit.run(script, layer, head), dtype=float)
        wanted = np.sqrt(interpret.thumbnails(seen, layer, 48)[head]).ravel()
        np.testing.assert_allclose((255 - blue) / (255 - 8), wanted, atol=0.01)


def test_the_selection_goes_both_ways_and_each_figure_has_its_own(visit):
    heading = "figures[{}].root.querySelectorAll('h2')[1].textContent"
    assert visit.run(f"return {heading.format(1)}").endswith("3.2")
    pick(visit, 0, "layer 1, head 4")
    visit.wait(f"{heading.format(0)}.endsWith('1.4')")
    assert visit.run("return figures[0].model.saved") == 1
    assert visit.run("return ['layer', 'head', 'position'].map((n) => figures[0].model.get(n))") == [1, 4, -1]
    visit.run("figures[0].model.set('layer', 2)")  # as Python does
    visit.wait(f"{heading.format(0)}.endsWith('2.4')")
    assert visit.run(f"return {heading.format(1)}").endswith("3.2")
    visit.run("figures[1].leave()")
    visit.wait("figures[1].root.querySelector('canvas') === null")
    assert visit.run("return figures[1].model.hears.length") == 0


def test_a_token_is_text_whatever_it_says(visit):
    assert HOSTILE in visit.run("return figures[0].root.textContent")
    assert visit.run("return figures[0].root.querySelectorAll('img, script').length") == 0


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing(visit, theme):
    """Landmarks and a first heading are the notebook's to give."""
    visit.run("for (const {root} of figures) root.querySelector('.paper').dataset.theme = arguments[0]", theme)
    visit.run(AXE.read_text(encoding="utf-8"))
    rules = (
        "{'landmark-one-main': {enabled: false}, 'page-has-heading-one': {enabled: false}, region: {enabled: false}}"
    )
    report = f"axe.run(document, {{rules: {rules}}}).then((r) => arguments[0](r.violations))"
    found = visit.driver.execute_async_script(report)
    assert {each["id"]: [node["html"][:150] for node in each["nodes"][:3]] for each in found} == {}


def test_arrows_walk_the_heads(visit):
    visit.run("figures[0].root.querySelector(`[aria-label='layer 0, head 0']`).focus()")
    visit.keys("\ue014", "\ue015")  # right, down
    visit.wait("figures[0].root.activeElement.getAttribute('aria-label') === 'layer 1, head 1'")
    visit.wait("figures[0].model.get('layer') === 1 && figures[0].model.get('head') === 1")
