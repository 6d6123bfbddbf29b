"""The conventions every verb keeps: exit codes, the two streams, help, hints, JSON."""

import shlex
import subprocess
import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from glassgpt.cli.flags import flags
from glassgpt.cli.main import main
from glassgpt.cli.tokens import Tokens
from glassgpt.cli.verbs import VERBS
from glassgpt.train.recipe import keys

SPELLINGS = [spelling for name, verb in VERBS.items() for spelling in (name, *verb.aliases)]
EVERY_FLAG = sorted({name for verb in VERBS.values() for flag in flags(verb.load()[1]) for name in flag.spellings})
VALUE = {"N": "3", "X": "0.5", "P": "0.5", "K": "3", "ID=BIAS": "5=-1.5"}


def test_help_lists_every_verb_on_stdout(glassgpt):
    shown = glassgpt("--help")
    assert (shown.code, shown.err) == (0, "")
    assert all(name in shown.out for name in VERBS)


def test_no_verb_at_all_shows_the_overview_and_fails_as_usage(glassgpt):
    shown = glassgpt()
    assert shown.code == 2
    assert "usage: glassgpt VERB" in shown.out


@pytest.mark.parametrize("flag", ["--version", "-V"])
def test_the_version_is_one_line(glassgpt, flag):
    shown = glassgpt(flag)
    assert (shown.code, shown.out.count("\n")) == (0, 1)
    assert shown.out.startswith("glassgpt ")


@pytest.mark.parametrize("verb", SPELLINGS)
def test_help_of_a_verb_shows_every_flag_and_examples(glassgpt, verb):
    shown = glassgpt(*verb.split(), "--help")
    assert (shown.code, shown.err) == (0, "")
    options = next(v for name, v in VERBS.items() if verb in (name, *v.aliases)).load()[1]
    for flag in flags(options):
        assert flag.help, f"{flag.field} has no docstring"
        assert flag.names == () or flag.into or any(name in shown.out for name in flag.spellings)
    assert len(options.EXAMPLES) >= 2
    assert shown.out.count("glassgpt ") > len(options.EXAMPLES)
    assert max(map(len, shown.out.splitlines())) <= 120


def test_every_key_of_a_recipe_is_a_flag_that_help_all_explains_and_help_names(glassgpt):
    short, whole = glassgpt("train", "--help").out, glassgpt("train", "--help-all").out
    offered = {flag.field: flag for flag in flags(VERBS["train"].load()[1]) if flag.into}
    assert offered.keys() == keys().keys()
    for flag in offered.values():
        assert any(spelling in whole for spelling in flag.spellings)
        assert flag.names[0].rpartition(".")[2].removeprefix("--") in short
    assert "How a gradient becomes a step:" in whole


@pytest.mark.parametrize("verb", VERBS)
def test_no_flag_is_listed_that_the_verb_refuses(verb):
    from glassgpt.cli.parse import _sort_out

    options = VERBS[verb].load()[1]
    known = flags(options)
    for flag in known:
        for name in flag.spellings:
            value = [] if flag.is_switch else [flag.choices[0] if flag.choices else VALUE.get(flag.metavar, "some")]
            given_flags, words = _sort_out([name, *value], known)
            assert (len(given_flags), words) == (1, [])


@pytest.mark.parametrize("verb", ["generate", "next", "tokens", "score", "info", "doctor"])
def test_each_flag_parses_to_its_field(verb):
    from glassgpt.cli.parse import parse

    options = VERBS[verb].load()[1]
    plain = parse(options, [])
    for flag in flags(options):
        for name in flag.names:
            others = [choice for choice in flag.choices if choice != flag.default]
            value = [] if flag.is_switch else [others[0] if others else VALUE.get(flag.metavar, "some")]
            changed = parse(options, [name, *value] if not (flag.is_switch and flag.default) else [f"--no-{name[2:]}"])
            assert getattr(changed, flag.field) != getattr(plain, flag.field), name


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        (["genrate"], "did you mean generate?"),
        (["tokenise"], "did you mean tokenize?"),
        (["tokens", "--cuont", "x"], "did you mean --count?"),
        (["generate", "--temprature", "1"], "did you mean --temperature?"),
        (["tokenizer", "trian"], "glassgpt tokenizer train"),
        (["data"], "glassgpt data prepare"),
        (["evaluate"], "glassgpt evaluate loss or"),
    ],
)
def test_a_misspelling_is_met_with_a_suggestion(glassgpt, typed, meant):
    met = glassgpt(*typed)
    assert (met.code, met.out) == (2, "")
    assert meant in met.err
    assert "Traceback" not in met.err


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        (["tokens", "-m"], "-m needs a value"),
        (["tokens", "--file", "--quiet", "x"], "--file needs a value"),
        (["tokens", "--color", "blue", "x"], "'auto', 'always', 'never'"),
        (["generate", "-n", "many", "x"], "'many' is not a whole number"),
        (["generate", "-t", "hot", "x"], "'hot' is not a number"),
        (["tokens", "--json=yes", "x"], "--json is a switch"),
        (["tokens", "A", "robot", "must"], "put quotes around the text"),
        (["convert", "embedded"], "OUT missing"),
        (["info", "gpt2", "gpt2"], "one word too many"),
        (["next", "--top", "0", "x"], "--top 0 is not allowed"),
        (["generate", "--logit-bias", "x=1", "A"], "ID=BIAS"),
        (["generate", "--threads", "-1", "A"], "--threads -1 is not allowed"),
        (["tokens", "--ids", "--count", "A"], "choose one"),
        (["tokens", "-m", "gpt2", "-f", "a.txt", "A"], "given twice"),
    ],
)
def test_a_wrong_command_line_is_exit_2_in_plain_words(glassgpt, typed, told):
    met = glassgpt(*typed)
    assert (met.code, met.out) == (2, "")
    assert told in met.err
    assert "--help describes every option" in met.err


def test_an_error_is_one_json_object_when_json_is_asked_for(glassgpt):
    answer = glassgpt("tokens", "--json", "-f", "nowhere.txt")
    assert answer.code == 3
    assert answer.json["schema"] == "glassgpt.error/1"
    assert answer.json["error"]["exit_code"] == 3
    assert "nowhere.txt" in answer.json["error"]["message"]


def test_verbose_adds_the_traceback(glassgpt):
    assert "Traceback" in glassgpt("tokens", "-v", "-f", "nowhere.txt").err
    assert "Traceback" not in glassgpt("tokens", "-f", "nowhere.txt").err


def test_a_fault_of_ours_is_reported_as_one(glassgpt, monkeypatch):
    def broken(options: Tokens) -> None:
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr("glassgpt.cli.tokens.main", broken)
    met = glassgpt("tokens", "x")
    assert (met.code, met.out) == (1, "")
    assert "unexpected ZeroDivisionError" in met.err


def test_ctrl_c_is_exit_130(glassgpt, monkeypatch):
    def interrupted(options: Tokens) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("glassgpt.cli.tokens.main", interrupted)
    met = glassgpt("tokens", "x")
    assert (met.code, met.out) == (130, "")


ARGUMENT = st.one_of(
    st.sampled_from([*SPELLINGS, *EVERY_FLAG]),
    st.text(max_size=8),
    st.integers().map(str),
    st.floats().map(str),
    st.sampled_from(["-", "--", "=", "-=", "--=", "-n", "-n=", "--seed=", "-qv", "-nq", "embedded", "\udcff"]),
)


@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    verb=st.sampled_from(["tokens", "info", "generate", "next", "score", "completion", "nonsense"]),
    arguments=st.lists(ARGUMENT, max_size=6),
)
def test_no_command_line_ends_in_a_traceback(capsys, monkeypatch, verb, arguments):
    monkeypatch.setattr("sys.stdin", None)
    for name in ("generate", "next", "score"):
        monkeypatch.setattr(f"glassgpt.cli.{name}.open_model", _no_model)
    monkeypatch.setattr("glassgpt.cli.info._find", _no_model)
    interactive = [a for a in arguments if a not in ("-v", "--verbose", "--debug", "-qv")]
    code = main([verb, *interactive])
    said = capsys.readouterr()
    assert code in (0, 1, 2, 3)
    assert "Traceback" not in said.err
    assert "This is a bug" not in said.err
    if code:
        assert said.err.startswith("glassgpt")


def _no_model(*arguments: object) -> None:
    from glassgpt.errors import ModelNotFound

    raise ModelNotFound("no model in this test")


@pytest.mark.parametrize("verb", ["generate", "train"])
def test_help_comes_quickly_and_without_torch(verb):
    """What makes it slow is what it imports: none of the large libraries, and few modules in all."""
    code = f"import sys; from glassgpt.cli.main import main; main([{verb!r}, '--help']); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.splitlines()[-1].split())
    assert not loaded & {"torch", "numpy", "llvmlite", "rich", "asyncio"}
    assert len(loaded) < 400


def test_every_shell_line_of_the_examples_can_be_split():
    for verb in VERBS.values():
        for example in verb.load()[1].EXAMPLES:
            assert "glassgpt" in shlex.split(example)
