"""Turns, models and what is kept."""

import threading
import time

import pytest

from glassgpt.errors import ModelNotFound
from glassgpt.explorer import Workshop
from glassgpt.explorer.kept import Kept
from glassgpt.explorer.workshop import BACKGROUND, NEXT_WORDS, Turns


def test_only_offered_names_are_opened(workshop, tmp_path):
    for name in ("gpt2", str(tmp_path), "../tiny", "tiny@1"):
        with pytest.raises(ModelNotFound):
            workshop.subject(name)


def test_models_beside_the_first_are_opened_when_asked_for(lm):
    shop = Workshop(lm, others=[str(lm.path)], device="cpu")
    assert [offer.name for offer in shop.offered()] == ["tiny"]
    assert shop.subject("tiny").lm is lm


def test_the_most_urgent_goes_first_and_nobody_together():
    turns, order, inside = Turns(), [], []

    def work(name, urgency):
        with turns.turn(urgency):
            inside.append(name)
            assert len(inside) == 1
            order.append(name)
            inside.clear()

    with turns.turn(NEXT_WORDS):
        threads = [threading.Thread(target=work, args=(f"later {n}", BACKGROUND)) for n in range(3)]
        for thread in threads:
            thread.start()
        while len(turns._waiting) < 3:
            time.sleep(0.001)
        threads.append(threading.Thread(target=work, args=("now", NEXT_WORDS)))
        threads[-1].start()
        while len(turns._waiting) < 4:
            time.sleep(0.001)
    for thread in threads:
        thread.join()
    assert order[0] == "now"
    assert len(order) == 4


def test_a_turn_is_given_back_after_a_mistake():
    turns = Turns()
    with pytest.raises(ZeroDivisionError), turns.turn(0):
        raise ZeroDivisionError
    with turns.turn(1):
        pass


def test_what_is_kept_is_made_once_and_bounded():
    kept, made = Kept(most_bytes=10), []

    def make(name, size):
        return kept.get(name, lambda: made.append(name) or name, lambda _: size)

    make("a", 4), make("b", 4), make("a", 4)
    assert made == ["a", "b"]
    make("c", 4)  # b goes, a was used since
    make("a", 4), make("b", 4)
    assert made == ["a", "b", "c", "b"]
    make("huge", 11), make("huge", 11)  # the newest stays, however large it is
    assert made == ["a", "b", "c", "b", "huge"]
    assert (len(kept), kept.bytes) == (1, 11)
    make("a", 4)
    assert kept.bytes == 4
