"""Files of multiple-choice questions in, questions out: BLiMP, the Children's Book Test, Winograd schemas.

A question is a few options, each a text after a context; the model answers with the option it finds likeliest.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from glassgpt.errors import DataError
from glassgpt.evaluate.detokenize import penn
from glassgpt.evaluate.files import field, first_line, holds_rows_with, read_lines, read_rows

GAP = "XXXXX"
"""Where a word is missing in the Children's Book Test."""
POSSESSIVE = {"his", "its", "their", "my", "our", "your"}
PEOPLE = {"he", "she", "they", "him", "her", "them"}
DETERMINERS = {"the", "a", "an", "my", "his", "her", "its", "our", "their", "this", "that", "these", "those"}


@dataclass(frozen=True, slots=True)
class Option:
    """One possible answer: `text` is judged after `context`; without a context it begins a document."""

    text: str
    context: str = ""


@dataclass(frozen=True, slots=True)
class Question:
    """Options, the right one, and what a rule of thumb would have earned."""

    options: tuple[Option, ...]
    answer: int
    parts: dict[str, str]
    """Which part of the benchmark it belongs to, under each way of dividing it; the first is the finest."""
    floor: float
    """What the benchmark's rule of thumb earns here, 0 to 1."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One benchmark: how to know its files and how to read them."""

    recognise: Callable[[Path], bool]
    read: Callable[[Path], Iterator[Question]]
    floor: str
    """The rule of thumb, in words."""
    averaged: bool
    """Whether its score is the mean over its parts."""


def blimp(path: Path) -> Iterator[Question]:
    """BLiMP (Warstadt et al. 2020): two sentences that differ in little, one of them good; whole sentences compare."""
    for row in read_rows(path):
        pair = (field(row, "sentence_good", path), field(row, "sentence_bad", path))
        parts = {"paradigm": field(row, "UID", path), "field": field(row, "field", path).replace("/", "_")}
        lengths = [len(sentence) for sentence in pair]
        yield Question(tuple(map(Option, pair)), 0, parts, credit([-float(length) for length in lengths], 0))


def children(path: Path) -> Iterator[Question]:
    """The Children's Book Test (Hill et al. 2016): twenty sentences, then one with a gap and ten words for it.

    As in the GPT-2 paper, a word is judged together with the rest of its sentence, and the text is de-tokenised.
    """
    story: list[str] = []
    for number, line in enumerate(read_lines(path), start=1):
        if not line.strip():
            story = []
            continue
        _, _, body = line.partition(" ")
        if "\t" not in body:
            story.append(body)
            continue
        cells = [cell for cell in body.split("\t") if cell]
        words = cells[-1].split("|")
        if len(cells) != 3 or GAP not in cells[0] or cells[1] not in words:
            raise DataError(f"{path}, line {number}: a sentence with {GAP}, its word and the choices are needed.")
        yield _gap(path, story, cells[0], words, words.index(cells[1]))


def _gap(path: Path, story: Sequence[str], sentence: str, words: Sequence[str], answer: int) -> Question:
    before, _, after = penn(sentence).partition(GAP)
    context = f"{penn(' '.join(story))} {before}".lstrip()
    options = tuple(Option(word + after, context) for word in words)
    told = " ".join(story).lower().split()
    return Question(
        options, answer, {"file": _stem(path)}, credit([float(told.count(w.lower())) for w in words], answer)
    )


def winograd(path: Path) -> Iterator[Question]:
    """Winograd schemas: whom does a pronoun mean? Scored as Trinh and Le (2018) do, in both ways.

    `full` judges the whole sentence with the pronoun replaced, `partial` what follows the pronoun, after all before it.
    """
    for row in read_rows(path):
        before, pronoun, after = (field(row, key, path) for key in ("text1", "pronoun", "text2"))
        options, answer = row.get("options"), row.get("label")
        if not isinstance(options, list) or not isinstance(answer, int) or not 0 <= answer < len(options):
            raise DataError(f"{path}: a schema needs `options` and, as `label`, the place of the right one.")
        joint = "" if re.match(r"[.,;:!?']", after) else " "
        starts = [f"{before} {in_place_of(pronoun, str(option), before, after)}".lstrip() for option in options]
        rest, floor = joint + after, float(answer == 0)
        partial = tuple(Option(rest, start) for start in starts)
        full = tuple(Option(start + rest) for start in starts)
        yield Question(partial, answer, {"scoring": "partial"}, floor)
        yield Question(full, answer, {"scoring": "full"}, floor)


def in_place_of(pronoun: str, name: str, before: str, after: str) -> str:
    """A name in the grammatical form of the pronoun it stands for: with 's or without, capital or small."""
    pronoun = pronoun.lower()
    owns = pronoun in POSSESSIVE or (pronoun == "her" and re.match(r"[a-z]{3,}", after) is not None)
    if owns and not name.endswith(("'s", "s'")):
        name += "'s"
    elif pronoun in PEOPLE and not owns:
        name = name.removesuffix("'s")
    if not before or before.rstrip('"').endswith((".", "!", "?")):
        return name[:1].upper() + name[1:]
    return name[:1].lower() + name[1:] if name.split()[0].lower() in DETERMINERS else name


KINDS = {
    "blimp": Kind(lambda path: holds_rows_with(path, "sentence_good", "sentence_bad"), blimp, "the shorter one", True),
    "winograd": Kind(lambda path: holds_rows_with(path, "text1", "pronoun", "text2"), winograd, "the first one", False),
    "cbt": Kind(lambda path: bool(re.match(r"1 \S", first_line(path))), children, "the most frequent one", False),
}
"""By the name of the benchmark."""


def recognise(path: Path) -> str:
    """The benchmark a file belongs to, by what stands in it."""
    for name, kind in KINDS.items():
        if kind.recognise(path):
            return name
    raise DataError(f"{path} holds no questions known here ({', '.join(KINDS)}). Say which with --format.")


def first_of_each(questions: Iterable[Question], limit: int) -> Iterator[Question]:
    """At most `limit` questions of each finest part; 0 takes all."""
    taken: dict[str, int] = {}
    for question in questions:
        part = next(iter(question.parts.values()))
        taken[part] = taken.get(part, 0) + 1
        if not limit or taken[part] <= limit:
            yield question


def credit(scores: Sequence[float], answer: int) -> float:
    """What choosing the highest score earns; several highest share it."""
    best = max(scores)
    return 1 / scores.count(best) if scores[answer] == best else 0.0


def _stem(path: Path) -> str:
    return path.name.removesuffix(".gz").rpartition(".")[0] or path.name
