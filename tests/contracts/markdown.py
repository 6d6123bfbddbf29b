"""What a Markdown page promises: its code blocks, and the files it names."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.contracts.tree import ROOT

BLOCK = re.compile(r"(?:^<!-- not run: (?P<reason>.+?) -->\n)?^```(?P<language>\w*)\n(?P<body>.*?)^```$", re.M | re.S)
NAMED = re.compile(r"`((?:src|tests|docs|benchmarks|examples|\.ci|web)/[\w./-]+|[A-Za-z_]+\.(?:md|toml|txt))`")
LINK = re.compile(r"\]\((?!\w+:|#)([^)#\s]+)")


@dataclass(frozen=True)
class Block:
    """One fenced block; `reason` says why it is not run, if a comment right above it does."""

    language: str
    body: str
    line: int
    reason: str

    def script(self) -> str:
        """The shell commands of a `bash` block, or of the `$ ` lines of a `console` block."""
        if self.language == "bash":
            return self.body
        kept, goes_on = [], False
        for line in self.body.splitlines():
            if line.startswith("$ ") or goes_on:
                kept.append(line if goes_on else line.removeprefix("$ "))
                goes_on = line.endswith("\\")
        return "\n".join(kept)


def pages() -> list[Path]:
    """The pages that readers follow."""
    return [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


def blocks(page: Path) -> Iterator[Block]:
    """Every fenced block, in order."""
    text = page.read_text(encoding="utf-8")
    for found in BLOCK.finditer(text):
        line = text.count("\n", 0, found.start()) + 1
        yield Block(found["language"], found["body"], line, found["reason"] or "")


def named_files(page: Path) -> set[Path]:
    """Files of the repository that the page names in code font or links to."""
    text = page.read_text(encoding="utf-8")
    return {ROOT / name for name in NAMED.findall(text)} | {page.parent / name for name in LINK.findall(text)}
