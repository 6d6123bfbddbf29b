"""The program `glassgpt`: arguments in, exit code out.

`exit_codes.py` says what the codes mean.
"""

import contextlib
import errno
import os
import sys
from collections.abc import Sequence

from glassgpt.cli import help as pages
from glassgpt.cli.exit_codes import DONE, FAILED, INTERRUPTED, NOT_FOUND, USAGE, code_of
from glassgpt.cli.flags import flags
from glassgpt.cli.options import Talk, UsageError
from glassgpt.cli.parse import parse
from glassgpt.cli.terminal import Terminal
from glassgpt.cli.verbs import VERBS, find, nearest
from glassgpt.errors import ContextOverflow, GlassGPTError, InvalidParameter, StoppedElsewhere


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; every mistake becomes a message and an exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    _need_streams()
    _speak_utf8()
    try:
        code = _run(given)
        sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        return _report(given, "Interrupted", "interrupted", INTERRUPTED)
    except BrokenPipeError:  # the reader has seen enough, as in `| head`
        _abandon_stdout()
        return DONE
    except (GlassGPTError, OSError, MemoryError) as error:
        if _is_told_elsewhere(error):
            return code_of(error)
        code = _report(given, type(error).__name__, _words(error, given), code_of(error))
        if isinstance(error, OSError) and error.errno == errno.ENOSPC:
            _abandon_stdout()
        return code
    except Exception as error:  # a fault of ours; say so, and keep the traceback for -v
        text = f"unexpected {type(error).__name__}: {error}. This is a bug; -v shows where it happened."
        return _report(given, type(error).__name__, text, FAILED)


def _is_told_elsewhere(error: BaseException) -> bool:
    """Whether another of the processes that torchrun started says it: the one that failed, or a neighbour.

    What is wrong with a command line or the data of a host is wrong for all processes there.
    """
    is_neighbour = os.environ.get("LOCAL_RANK", "0") != "0"
    return isinstance(error, StoppedElsewhere) or (is_neighbour and code_of(error) in (USAGE, NOT_FOUND))


def _run(given: list[str]) -> int:
    if not given or given[0] in ("-h", "--help", "help"):
        sys.stdout.write(pages.overview())
        return DONE if given else USAGE
    if given[0] in ("-V", "--version"):
        sys.stdout.write(f"glassgpt {_version()}\n")
        return DONE
    found = find(given)
    if found is None:
        raise UsageError(_unknown(given))
    name, verb, rest = found
    function, options = verb.load()
    if {"-h", "--help"} & set(_before_words(rest)):
        sys.stdout.write(pages.page(name, options))
        return DONE
    if "--help-all" in _before_words(rest):
        sys.stdout.write(pages.page(name, options, every_key=True))
        return DONE
    return function(parse(options, rest)) or DONE


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("glassgpt")
    except PackageNotFoundError:
        return "(run from its source, not installed)"


def _unknown(given: list[str]) -> str:
    """What to say of a first word that is no verb, or only half of one."""
    longer = [name for name in VERBS if name.startswith(f"{given[0]} ")]
    if longer:
        return f"{given[0]!r} is half of a verb: glassgpt {' or glassgpt '.join(longer)}"
    spellings = [spelling for name, verb in VERBS.items() for spelling in (name, *verb.aliases)]
    return f"there is no verb {given[0]!r}{nearest(' '.join(given[:2]), spellings) or nearest(given[0], spellings)}"


def _before_words(arguments: list[str]) -> list[str]:
    return arguments[: arguments.index("--")] if "--" in arguments else arguments


def _report(given: list[str], kind: str, text: str, code: int) -> int:
    """Tell what went wrong: as JSON on stdout where that was asked for, on stderr always."""
    said = set(_before_words(given))
    if said & {"-v", "--verbose", "--debug"} and code != INTERRUPTED:
        import traceback

        traceback.print_exc()
    if "--json" in said:
        try:
            Terminal(Talk()).json("error", {"error": {"kind": kind, "message": text, "exit_code": code}})
        except OSError:  # a full disk, which stderr tells of
            _abandon_stdout()
    found = find(given)
    name = f"glassgpt {found[0]}" if found else "glassgpt"
    sys.stderr.write(f"{Terminal(Talk()).paint_talk(name, 'bold red')}: {text}\n")
    if code == USAGE:
        sys.stderr.write(f"{name} --help describes every option.\n")
    return code


def _words(error: BaseException, given: list[str]) -> str:
    """The message; settings of the library are called by the names of the flags that set them."""
    found = find(given)
    if isinstance(error, InvalidParameter) and found:
        field = {"n": "num_samples"}.get(error.name, error.name)
        for flag in flags(found[1].load()[1]):
            if field in (flag.field, flag.field.rpartition(".")[2]) and flag.names:
                return f"{flag.names[0]} {error.value} is not allowed: {error.rule}"
    if isinstance(error, ContextOverflow):
        return str(error).replace("window='slide'", "--window slide")
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror}: {error.filename}" if error.filename else error.strerror
    return str(error) or type(error).__name__


def _abandon_stdout() -> None:
    """Send what is left in the buffer nowhere, or Python would complain about it when it exits."""
    with contextlib.suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _need_streams() -> None:
    """Put nowhere in the place of a stream that is closed, or the next file we open would take its number."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(number, "r" if number == 0 else "w", closefd=False))


def _speak_utf8() -> None:
    """Text models write any character; where the stream cannot, a replacement mark is better than a crash."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding=None if stream.isatty() else "utf-8", errors="replace")  # pyrefly: ignore


if __name__ == "__main__":
    sys.exit(main())
