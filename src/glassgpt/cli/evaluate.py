"""`glassgpt evaluate loss|perplexity|cloze|choices`: what a model knows, in numbers."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from tyro.conf import arg

from glassgpt.cli.bars import percent
from glassgpt.cli.measure import Bench, Measure, finite, measuring, plus_minus
from glassgpt.cli.table import show_table
from glassgpt.errors import DataError

if TYPE_CHECKING:
    from glassgpt.evaluate import Choices, Loss, WordPerplexity
    from glassgpt.evaluate.choices import Accuracy


@dataclass(frozen=True, kw_only=True)
class EvaluateLoss(Measure):
    """Measure how surprised a model is by texts: nats a token, bits a byte, perplexity.

    A FILE is .txt (one document), .jsonl or .csv (one a line), packed with gzip or not, or a folder of them. Each
    document is read from its beginning in windows that overlap. Bits a byte compare models whose vocabularies differ;
    the last column is what a common compressor, xz, needs for the same text.
    """

    EXAMPLES: ClassVar = (
        "glassgpt evaluate loss book.txt",
        "glassgpt evaluate loss embedded book.txt notes.txt --by-document",
        "glassgpt evaluate loss book.txt --stride 64 --json",
    )

    stride: Annotated[int, arg(metavar="N")] = 0
    """Windows start N tokens apart; 0 is half the model's context, fewer is slower and a bit better."""
    by_document: bool = False
    """A row for each document."""
    key: Annotated[str, arg(metavar="NAME")] = "text"
    """Where the text stands in a row of .jsonl or .csv."""


def loss(options: EvaluateLoss) -> None:
    """A row for each file or document."""
    results: list[dict[str, object]] = []
    rows: list[list[str]] = []
    with measuring(options) as bench:
        for file in bench.files:
            whole, documents, packed = _losses(bench, file, options)
            facts = {"file": str(file), "documents": len(documents), **_loss_facts(whole), "xz_bits_per_byte": packed}
            each = documents if options.by_document else []
            results.append({**facts, **({"by_document": list(map(_loss_facts, each))} if each else {})})
            rows += [_loss_row(f"  document {number}", part, "") for number, part in enumerate(each, start=1)]
            rows.append(_loss_row(file.name, whole, f"{packed:.4f}"))
    if options.json:
        bench.answer("evaluate.loss", results)
        return
    show_table(bench.out, ("text", "tokens", "bytes", "nats/token", "perplexity", "bits/byte", "xz"), rows)


def _losses(bench: Bench, file: Path, options: EvaluateLoss) -> "tuple[Loss, list[Loss], float]":
    """A file as a whole, its documents, and what xz makes of them."""
    from glassgpt.data import read_documents
    from glassgpt.evaluate import losses_of
    from glassgpt.evaluate.loss import packed_bits_per_byte, together

    texts = list(islice(read_documents(file, options.key), options.limit or None))
    if not texts:
        raise DataError(f"{file} holds no text to measure.")
    model, tokenizer, stride = bench.lm.model, bench.lm.tokenizer, options.stride or None
    found = losses_of(model, tokenizer, texts, stride=stride, report=bench.bar(file.name))
    return together(found), found, packed_bits_per_byte(texts)


def _loss_facts(loss: "Loss") -> dict[str, object]:
    return {
        "tokens": loss.tokens,
        "bytes": loss.text_bytes,
        "nats_per_token": loss.nats_per_token,
        "standard_error": finite(loss.standard_error),
        "perplexity": loss.perplexity,
        "bits_per_byte": loss.bits_per_byte,
    }


def _loss_row(name: str, loss: "Loss", packed: str) -> list[str]:
    nats = plus_minus(loss.nats_per_token, loss.standard_error, 4)
    sizes = [f"{loss.tokens:,}", f"{loss.text_bytes:,}"]
    return [name, *sizes, nats, f"{loss.perplexity:,.2f}", f"{loss.bits_per_byte:.4f}", packed]


@dataclass(frozen=True, kw_only=True)
class EvaluatePerplexity(Measure):
    """Measure perplexity by the word, comparable with published tables: WikiText, Penn Treebank.

    A FILE is such a corpus as it is published, one text read as one stream. Its pre-processing is undone first; the
    surprise is then divided by the words that the corpus counts, line ends among them. <unk> is kept and must be
    spelled, as in the GPT-2 paper; a column beside it leaves it out.
    """

    EXAMPLES: ClassVar = (
        "glassgpt evaluate perplexity notes.txt",
        "glassgpt evaluate perplexity notes.txt --format wikitext --stride 32 --limit 5",
        "glassgpt evaluate perplexity embedded notes.txt --json",
    )

    format: Literal["auto", "wikitext", "ptb", "plain"] = "auto"
    """What was done to the text; auto looks at it."""
    stride: Annotated[int, arg(metavar="N")] = 0
    """Windows start N tokens apart; 0 is half the model's context."""


def perplexity(options: EvaluatePerplexity) -> None:
    """A row for each corpus."""
    results: list[dict[str, object]] = []
    rows: list[list[str]] = []
    with measuring(options) as bench:
        for file in bench.files:
            form, found = _corpus(bench, file, options)
            counts = {"words": found.words, "lines": found.lines, "unknown": found.unknown, "tokens": found.loss.tokens}
            scores = {
                "without_line_ends": found.perplexity_of_words,
                "without_unknown": found.perplexity_of_known,
                "token_perplexity": found.loss.perplexity,
                "bits_per_byte": found.loss.bits_per_byte,
            }
            main = {"word_perplexity": found.perplexity, "standard_error": finite(found.standard_error)}
            results.append({"file": str(file), "format": form, **counts, **main, **scores})
            shown = [plus_minus(found.perplexity, found.standard_error, 2), *(f"{x:,.2f}" for x in scores.values())]
            rows.append([file.name, form, f"{found.words + found.lines:,}", f"{found.unknown:,}", *shown])
    if options.json:
        bench.answer("evaluate.perplexity", results)
        return
    header = ("corpus", "format", "words", "<unk>", "by word", "no line ends", "no <unk>", "by token", "bits/byte")
    show_table(bench.out, header, rows)


def _corpus(bench: Bench, file: Path, options: EvaluatePerplexity) -> "tuple[str, WordPerplexity]":
    """One corpus, and what was done to its text."""
    from glassgpt.evaluate import word_perplexity
    from glassgpt.evaluate.perplexity import read_corpus, recognise

    text = read_corpus(file, options.limit)
    if not text.strip():
        raise DataError(f"{file} holds no text to measure.")
    form = recognise(text) if options.format == "auto" else options.format
    model, tokenizer, stride = bench.lm.model, bench.lm.tokenizer, options.stride or None
    return form, word_perplexity(model, tokenizer, text, form=form, stride=stride, report=bench.bar(file.name))


@dataclass(frozen=True, kw_only=True)
class EvaluateCloze(Measure):
    """Let a model find the last word of passages: LAMBADA.

    A FILE is .jsonl with passages under `text`, or a text file with one a line. A passage counts if every token of
    the word is the likeliest. `floor` is what a word drawn from the passage gets right.
    """

    EXAMPLES: ClassVar = (
        "glassgpt evaluate cloze notes.txt",
        "glassgpt evaluate cloze notes.txt --stop-words --limit 20",
        "glassgpt evaluate cloze embedded notes.txt --json",
    )

    stop_words: bool = False
    """Let no word be one of grammar alone, such as `the`: the filter of the GPT-2 paper, as far as it is known."""


def cloze(options: EvaluateCloze) -> None:
    """A row for each file."""
    from glassgpt.evaluate import fill, read_blanks

    results: list[dict[str, object]] = []
    rows: list[list[str]] = []
    with measuring(options) as bench:
        lm = bench.lm
        for file in bench.files:
            blanks = list(islice(read_blanks(file), options.limit or None))
            if not blanks:
                raise DataError(f"{file} holds no passages.")
            found = fill(lm.model, lm.tokenizer, blanks, stop_words=options.stop_words, report=bench.bar(file.name))
            facts = {"file": str(file), "passages": found.passages, "stop_words": options.stop_words}
            scores = {"accuracy": found.accuracy, "standard_error": found.standard_error, "floor": found.floor}
            spread = finite(found.perplexity_error)
            results.append({**facts, **scores, "perplexity": found.perplexity, "perplexity_error": spread})
            shown = [plus_minus(100 * found.accuracy, 100 * found.standard_error, 2) + " %", percent(found.floor)]
            error = plus_minus(found.perplexity, found.perplexity_error, 2)
            rows.append([file.name, f"{found.passages:,}", *shown, error])
    if options.json:
        bench.answer("evaluate.cloze", results)
        return
    show_table(bench.out, ("passages from", "count", "found", "floor", "perplexity"), rows)


@dataclass(frozen=True, kw_only=True)
class EvaluateChoices(Measure):
    """Let a model choose between texts: BLiMP, the Children's Book Test, Winograd schemas.

    The likeliest option is its answer; ties share the point. Files of one benchmark are counted together. Beside each
    score stand `chance`, drawing lots, and `floor`, a rule of thumb that reads nothing.
    """

    EXAMPLES: ClassVar = (
        "glassgpt evaluate choices pairs.jsonl",
        "glassgpt evaluate choices pairs.jsonl --parts --limit 50",
        "glassgpt evaluate choices embedded pairs.jsonl --json",
    )

    format: Literal["auto", "blimp", "cbt", "winograd"] = "auto"
    """The benchmark that the files belong to; auto looks into them."""
    parts: bool = False
    """Also a row for each finest part, such as BLiMP's 67 paradigms."""


def choices(options: EvaluateChoices) -> None:
    """A table for each benchmark."""
    from glassgpt.evaluate.questions import KINDS, recognise

    with measuring(options) as bench:
        by_kind: dict[str, list[Path]] = {}
        for file in bench.files:
            by_kind.setdefault(recognise(file) if options.format == "auto" else options.format, []).append(file)
        found = {name: _chosen(bench, name, files, options.limit) for name, files in by_kind.items()}
    if options.json:
        facts = [{"format": name, "floor_is": KINDS[name].floor, **asdict(score)} for name, score in found.items()]
        bench.answer("evaluate.choices", facts)
        return
    for name, score in found.items():
        bench.out.talk(f"floor: always {KINDS[name].floor}")
        rows = list(_choice_rows(score, options.parts, KINDS[name].averaged))
        header = (name, "questions", "right", "chance", "floor")
        show_table(bench.out, header, rows, bold_last=KINDS[name].averaged)


def _chosen(bench: Bench, name: str, files: list[Path], limit: int) -> "Choices":
    """The score on the files of one benchmark."""
    from glassgpt.evaluate import choose, tally
    from glassgpt.evaluate.questions import KINDS, first_of_each

    questions = list(first_of_each((question for file in files for question in KINDS[name].read(file)), limit))
    if not questions:
        raise DataError(f"{files[0]} holds no questions.")
    return tally(questions, choose(bench.lm.model, bench.lm.tokenizer, questions, report=bench.bar(name)))


def _choice_rows(score: "Choices", every: bool, averaged: bool) -> Iterator[list[str]]:
    """Divisions from fine to coarse, the finest only where it is asked for or is all there is."""
    divisions = list(score.parts.values())
    for division in divisions if every or len(divisions) == 1 else divisions[1:]:
        for name, part in sorted(division.items()):
            yield _accuracy_row(name, part)
    if averaged:
        yield _accuracy_row("mean", score.mean)


def _accuracy_row(name: str, part: "Accuracy") -> list[str]:
    shown = plus_minus(100 * part.share, 100 * part.standard_error, 2) + " %"
    return [name, f"{part.questions:,}", shown, percent(part.chance), percent(part.floor)]
