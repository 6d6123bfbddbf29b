"""The page as it is packed: small, whole, and speaking of no other machine."""

import gzip
import re

import pytest

from tests.contracts.tree import ROOT

BUILT = ROOT / "src" / "glassgpt" / "explorer" / "page"
FIGURES = ROOT / "src" / "glassgpt" / "interpret" / "page" / "notebook.js"
ALLOWED = (
    "http://www.w3.org/",
    "https://svelte.dev/e/",
)  # names of formats, and where an error of the runtime is explained

pytestmark = pytest.mark.skipif(not (BUILT / "index.html").is_file(), reason="the page is not built: make page")


def files():
    return [path for path in BUILT.rglob("*") if path.is_file()]


def test_it_is_small():
    assert sum(path.stat().st_size for path in files()) < 3_000_000
    (main,) = re.findall(r'src="\./(assets/index-[\w-]+\.js)"', (BUILT / "index.html").read_text(encoding="utf-8"))
    assert len(gzip.compress((BUILT / main).read_bytes())) <= 150_000


def test_it_names_no_other_machine_and_has_no_source_maps():
    found = {}
    for path in [*files(), FIGURES]:
        if path.suffix in (".js", ".css", ".html", ".svg"):
            urls = re.findall(r"https?://[^\s\"'`)<>]+", path.read_text(encoding="utf-8"))
            found |= {f"{path.name}: {url}": url for url in urls if not url.startswith(ALLOWED)}
    assert found == {}
    assert [path.name for path in files() if path.suffix == ".map"] == []


def test_its_index_holds_no_script_or_style_of_its_own():
    index = (BUILT / "index.html").read_text(encoding="utf-8")
    assert re.findall(r"<script(?![^>]*\bsrc=)|<style|\son\w+=|\sstyle=", index) == []


def test_it_carries_the_licences_of_what_it_is_made_of():
    text = (BUILT / "licences.txt").read_text(encoding="utf-8")
    assert all(word in text for word in ("SIL OPEN FONT LICENSE", "svelte", "@fontsource/inter"))
