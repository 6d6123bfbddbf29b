"""Tracked text belongs to everybody: no registry's host, no path of one machine, a newline at the end.

The words are put together here, so that this file does not hold them.
"""

import re

from tests.contracts.tree import ROOT, short, tracked, tracked_text

HOSTS = (
    ".".join(("pypi", "org")),
    ".".join(("pythonhosted", "org")),
    ".".join(("npmjs", "org")),
    ".".join(("npmjs", "com")),
    ".".join(("download", "pytorch", "org")),
    ".".join(("debian", "org")),
)
MACHINE = (*("/" + part for part in ("work/", "root/", "opt/wheels", "opt/pypi", "Users/")), "." + "library/")
BESIDE = "/".join(("..", "sha" + "red"))


def holding(words, files) -> dict[str, list[str]]:
    """Which of the files hold which of the words, as words of their own."""
    pattern = re.compile("|".join(rf"(?<![\w.]){re.escape(word)}" for word in words))
    found = {short(path): sorted(set(pattern.findall(path.read_text(encoding="utf-8")))) for path in files}
    return {name: hits for name, hits in found.items() if hits}


def test_no_registry_is_named():
    assert holding(HOSTS, tracked_text()) == {}


def test_no_path_of_one_machine_is_named():
    assert holding(MACHINE, tracked_text()) == {}


def test_nothing_but_the_tests_knows_of_data_beside_the_clone():
    product = [path for path in tracked_text() if path.relative_to(ROOT).parts[0] != "tests"]
    assert holding([BESIDE], product) == {}


def test_text_is_utf8_and_ends_with_one_newline():
    def ends_badly(data: bytes) -> bool:
        return data != b"" and (not data.endswith(b"\n") or data.endswith(b"\n\n"))

    written_by_programs = {"embedded", "release-0.1"}
    written_by_people = [path for path in tracked_text() if not written_by_programs & set(path.parts)]
    assert [short(path) for path in written_by_people if ends_badly(path.read_bytes())] == []


def test_no_large_file_but_the_model_and_the_vocabulary():
    limits = {"src/glassgpt/checkpoints/embedded": 25_000_000, "src/glassgpt/tokens/files": 500_000}
    sizes = {short(path): path.stat().st_size for path in tracked()}
    allowed = {name: next((limits[top] for top in limits if name.startswith(top)), 200_000) for name in sizes}
    assert {name: size for name, size in sizes.items() if size > allowed[name]} == {}
