"""Model in, numbers out."""

from glassgpt.evaluate.loss import Loss, loss_of

__all__ = ["Loss", "loss_of"]
