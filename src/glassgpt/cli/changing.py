"""What --do says is changed inside a model, before it reads or writes."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from tyro.conf import UseAppendAction, arg

if TYPE_CHECKING:
    from glassgpt.language_model import LanguageModel


@dataclass(frozen=True, kw_only=True)
class Changes:
    """Changes inside"""

    do: Annotated[tuple[str, ...], arg(metavar="CHANGE"), UseAppendAction] = ()
    """Change something first: "zero head 2.1", "scale mlp 3 by 0.5", "mean neuron 4.17", "zero edge 7>3"."""


def under(lm: "LanguageModel", changes: Changes, text: str | None = None) -> "LanguageModel":
    """The model with the changes made; `text` is what mean and freeze refer to."""
    if not changes.do:
        return lm
    from glassgpt.interpret import intervention

    reference = None if text is None else lm.trace(text)
    return lm.under(*(intervention(each, reference=reference) for each in changes.do))
