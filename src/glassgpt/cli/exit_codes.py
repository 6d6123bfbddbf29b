"""What the program's exit codes mean: one table, read by the program, its help pages and scripts that restart runs."""

from glassgpt.cli.options import UsageError
from glassgpt.errors import (
    DataError,
    InvalidParameter,
    ModelNotFound,
    NotFinite,
    OutOfMemory,
    RunInUse,
    SavingFailed,
)

DONE, FAILED, USAGE, NOT_FOUND = 0, 1, 2, 3
OUT_OF_MEMORY, NOT_FINITE, SAVING_FAILED, IN_USE = 12, 65, 74, 75  # 65 and up are those of sysexits.h
INTERRUPTED = 130

CODES = {
    DONE: "done",
    FAILED: "failed",
    USAGE: "wrong command line",
    NOT_FOUND: "no such model or data",
    INTERRUPTED: "interrupted",
}
"""Of every verb."""

TRAINING_CODES = {
    OUT_OF_MEMORY: "out of memory; the message says which settings need less",
    NOT_FINITE: "loss or gradient was not a number, or too far out of line, and no weight was changed by it",
    SAVING_FAILED: "checkpoints cannot be written; those before are whole",
    IN_USE: "another process trains in this folder; the message names it",
    129: "SIGHUP: the step was finished and saved",
    INTERRUPTED: "SIGINT (Ctrl-C): the same",
    143: "SIGTERM: the same",
}
"""Of `train` besides. After 74, 129, 130 and 143 the same command goes on with the run."""


def code_of(error: BaseException) -> int:
    """The code that an error ends the program with."""
    kinds: tuple[tuple[tuple[type[BaseException], ...], int], ...] = (
        ((UsageError, InvalidParameter), USAGE),
        ((ModelNotFound, DataError, FileNotFoundError), NOT_FOUND),
        ((OutOfMemory, MemoryError), OUT_OF_MEMORY),
        ((NotFinite,), NOT_FINITE),
        ((SavingFailed,), SAVING_FAILED),
        ((RunInUse,), IN_USE),
    )
    return next((code for types, code in kinds if isinstance(error, types)), FAILED)


def of_signal(number: int) -> int:
    """The code after a signal, as a shell counts."""
    return 128 + number
