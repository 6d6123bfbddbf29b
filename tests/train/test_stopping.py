"""The first signal asks, the second acts."""

import os
import signal
import threading

import pytest

from glassgpt.train.stopping import stop_on_signal


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_first_signal_is_remembered_and_the_handlers_return(number):
    outside = signal.signal(number, signal.default_int_handler)  # under nohup SIGHUP would be ignored here too
    try:
        with stop_on_signal() as stop:
            assert not stop
            os.kill(os.getpid(), number)
            assert stop
            assert stop.signal == number
            assert signal.getsignal(number) == signal.default_int_handler
        assert signal.getsignal(number) == signal.default_int_handler
    finally:
        signal.signal(number, outside)


def test_a_second_ctrl_c_interrupts():
    with stop_on_signal() as stop:
        os.kill(os.getpid(), signal.SIGTERM)
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
    assert stop.signal == signal.SIGTERM


def test_what_was_ignored_stays_ignored():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with stop_on_signal() as stop:
            os.kill(os.getpid(), signal.SIGHUP)
            assert not stop
    finally:
        signal.signal(signal.SIGHUP, before)


def test_in_another_thread_nothing_is_caught():
    found = []

    def look() -> None:
        with stop_on_signal() as stop:
            found.append(bool(stop))

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert found == [False]
