"""A slow run that saves every step, as each of two hosts starts it: time to pull a plug."""

import sys
import time
from dataclasses import replace
from pathlib import Path

from glassgpt.train import Saving, Step, train
from glassgpt.train.events import Event
from tests.ranks.runs import RECIPE


def linger(event: Event) -> None:
    if isinstance(event, Step):
        time.sleep(0.2)


if __name__ == "__main__":
    train(replace(RECIPE, saving=Saving(every=1, keep=20)), Path(sys.argv[2]), Path(sys.argv[1]), listen=linger)
