"""Model in, numbers out. Start with `passages.py`: every measure makes passages, has them judged and adds them up."""

from glassgpt.evaluate.choices import Choices, choose, tally
from glassgpt.evaluate.cloze import Cloze, fill, read_blanks
from glassgpt.evaluate.difference import Difference, compare
from glassgpt.evaluate.loss import Loss, loss_of, losses_of
from glassgpt.evaluate.passages import Judgement, Passage, judge
from glassgpt.evaluate.perplexity import WordPerplexity, word_perplexity
from glassgpt.evaluate.questions import Question

__all__ = [
    "Choices",
    "Cloze",
    "Difference",
    "Judgement",
    "Loss",
    "Passage",
    "Question",
    "WordPerplexity",
    "choose",
    "compare",
    "fill",
    "judge",
    "loss_of",
    "losses_of",
    "read_blanks",
    "tally",
    "word_perplexity",
]
