"""`glassgpt generate`: the text, the whole text, and nothing but the text on stdout."""

import os
import re
import subprocess
import sys

import pytest

PROMPT = "the dog"
SPEEDS = r"first after [\d,]+ ms · prompt [\d,]+ tokens/s(?: · then [\d,]+ tokens/s)?"
TRAILER = re.compile(rf"^(\d+) tokens? · {SPEEDS} · seed (\d+) · \w.*\n$")


def shown_seed(talk: str) -> str:
    """The seed in the line that ends a run."""
    found = TRAILER.match(talk)
    assert found, talk
    return found[2]


def test_text_goes_to_stdout_and_talk_to_stderr(glassgpt, model, lm):
    wrote = glassgpt("generate", model, PROMPT, "-n", 8, "-s", 4)
    assert wrote.code == 0
    assert wrote.out == PROMPT + lm.generate(PROMPT, max_new_tokens=8, seed=4) + "\n"
    assert shown_seed(wrote.err) == "4"


def test_no_echo_leaves_only_what_was_added_and_quiet_nothing_else(glassgpt, model, lm):
    wrote = glassgpt("generate", model, PROMPT, "-n", 8, "-s", 4, "--no-echo", "-q")
    assert (wrote.out, wrote.err) == (lm.generate(PROMPT, max_new_tokens=8, seed=4) + "\n", "")


def test_streamed_or_not_the_text_is_the_same(glassgpt, model):
    asked = ("generate", model, PROMPT, "-n", 12, "-s", 4)
    assert glassgpt(*asked, "--no-stream").out == glassgpt(*asked).out


def test_the_seed_that_is_shown_writes_the_same_text_again(glassgpt, model):
    first = glassgpt("generate", model, PROMPT, "-n", 12)
    seed = shown_seed(first.err)
    assert glassgpt("generate", model, PROMPT, "-n", 12, "--seed", seed).out == first.out


@pytest.mark.parametrize("how", ["argument", "model flag", "file", "pipe", "dash"])
def test_a_prompt_may_come_in_every_way(glassgpt, model, tmp_path, how):
    (tmp_path / "prompt.txt").write_text(PROMPT + "\n")
    words, stdin = {
        "argument": ([model, PROMPT], b""),
        "model flag": (["-m", model, PROMPT], b""),
        "file": ([model, "-f", tmp_path / "prompt.txt"], b""),
        "pipe": ([model], PROMPT.encode() + b"\n"),
        "dash": ([model, "-"], PROMPT.encode()),
    }[how]
    expected = glassgpt("generate", model, PROMPT, "-n", 5, "-s", 1).out
    assert glassgpt("generate", *words, "-n", 5, "-s", 1, stdin=stdin).out == expected


def test_no_prompt_at_all_begins_a_document(glassgpt, model, lm):
    wrote = glassgpt("generate", model, "-n", 5, "-s", 1)
    assert wrote.out == lm.generate("", max_new_tokens=5, seed=1) + "\n"


def test_json_is_one_object_with_everything(glassgpt, model, lm):
    wrote = glassgpt("generate", model, PROMPT, "-n", 6, "-s", 4, "--num-samples", 2, "--json").json
    same = lm.complete(PROMPT, max_new_tokens=6, seed=4, n=2)
    assert wrote["schema"] == "glassgpt.generate/1"
    assert (wrote["model"], wrote["prompt"], wrote["seed"]) == ("tiny", PROMPT, 4)
    assert [sample["ids"] for sample in wrote["samples"]] == [list(each.ids) for each in same]
    assert [sample["text"] for sample in wrote["samples"]] == [each.text for each in same]
    assert [sample["finish_reason"] for sample in wrote["samples"]] == [each.finish_reason for each in same]
    assert wrote["tokens"] == sum(len(each.ids) for each in same)


def test_logprobs_stand_beside_the_ids(glassgpt, model):
    asked = ("generate", model, PROMPT, "-n", 6, "-s", 1, "--logprobs", 2)
    sample = glassgpt(*asked, "--json").json["samples"][0]
    assert [each["id"] for each in sample["logprobs"]] == sample["ids"]
    assert {len(each["top"]) for each in sample["logprobs"]} == {2}
    assert glassgpt(*asked).out.count("%") == 6 * 3


def test_several_samples_are_told_apart(glassgpt, model):
    wrote = glassgpt("generate", model, PROMPT, "-n", 4, "--num-samples", 3)
    assert [line for line in wrote.out.splitlines() if line.startswith("---")] == [
        f"--- {number} of 3 ---" for number in (1, 2, 3)
    ]


def test_beams_find_what_the_library_finds(glassgpt, model, lm):
    wrote = glassgpt("generate", model, PROMPT, "-n", 6, "--num-beams", 3, "--no-echo")
    assert wrote.code == 0, wrote.err
    assert wrote.out == lm.generate(PROMPT, max_new_tokens=6, num_beams=3) + "\n"


def test_a_banned_token_is_not_written_and_a_stop_text_stops(glassgpt, model, lm):
    likeliest = lm.next_words(PROMPT, 1)[0].id
    wrote = glassgpt("generate", model, PROMPT, "-n", 1, "-t", 0, "--logit-bias", f"{likeliest}=-100", "--json").json
    assert wrote["samples"][0]["ids"] != [likeliest]
    text = lm.generate(PROMPT, max_new_tokens=12, seed=4)
    wrote = glassgpt("generate", model, PROMPT, "-n", 12, "-s", 4, "--stop", text[2:4], "--json").json["samples"][0]
    assert wrote["finish_reason"] == "stop"
    assert wrote["text"] == text[: text.index(text[2:4])]


@pytest.mark.parametrize(
    ("spelling", "field", "value"),
    [
        ("-n", "max_new_tokens", 7),
        ("--max-tokens", "max_new_tokens", 7),
        ("--n-predict", "max_new_tokens", 7),
        ("--max_new_tokens", "max_new_tokens", 7),
        ("-t", "temperature", 0.5),
        ("--temp", "temperature", 0.5),
        ("-k", "top_k", 40),
        ("-p", "top_p", 0.9),
        ("--min-p", "min_p", 0.1),
        ("--typical", "typical_p", 0.9),
        ("--repeat-penalty", "repetition_penalty", 1.2),
        ("-s", "seed", 9),
    ],
)
def test_names_that_people_type_elsewhere_mean_the_same_here(spelling, field, value):
    from glassgpt.cli.generate import Generate, settings_of
    from glassgpt.cli.parse import parse

    assert dict(settings_of(parse(Generate, [spelling, str(value)])))[field] == value


def test_defaults_are_those_of_the_library():
    from glassgpt.cli.generate import Generate, settings_of
    from glassgpt.cli.parse import parse
    from glassgpt.sampling import SamplingParams

    given = dict(settings_of(parse(Generate, [])))
    given.pop("seed")  # drawn, so that it can be shown
    plain = SamplingParams()
    assert given == {name: getattr(plain, name) for name in given}


@pytest.mark.parametrize(
    ("typed", "code", "told"),
    [
        (["./nowhere", "x"], 3, "nowhere"),
        (["-m", "gpt3", "x"], 3, "gpt2"),
        (["MODEL", "x", "-t", "-1"], 2, "--temperature -1.0 is not allowed"),
        (["MODEL", "x", "-p", "2"], 2, "--top-p 2.0"),
        (["MODEL", "x", "-n", "-3"], 2, "--max-new-tokens -3"),
        (["MODEL", "x", "--device", "abacus"], 2, "abacus"),
        (["MODEL", "x", "--num-samples", "5000"], 2, "--num-samples 5000"),
        (["MODEL", "q" * 60], 1, "48"),
        (["MODEL", "q" * 60], 1, "use --window slide"),
    ],
)
def test_what_cannot_be_done_is_said_without_a_traceback(glassgpt, model, typed, code, told):
    met = glassgpt("generate", *(model if word == "MODEL" else word for word in typed))
    assert met.code == code, met.err
    assert told in met.err
    assert "Traceback" not in met.err
    assert "bug" not in met.err


def test_a_prompt_longer_than_the_window_can_slide(glassgpt, model):
    wrote = glassgpt("generate", model, "q" * 60, "-n", 5, "--window", "slide")
    assert wrote.code == 0, wrote.err
    assert wrote.out.startswith("q" * 60)


@pytest.mark.parametrize("flags", [[], ["--json"], ["--no-stream"]])
def test_ctrl_c_keeps_what_is_written(glassgpt, model, lm, monkeypatch, flags):
    from glassgpt.language_model import LanguageModel

    events = LanguageModel.events

    def interrupted(self, prompt="", **sampling):
        for number, event in enumerate(events(self, prompt, **sampling)):
            if number == 5:
                raise KeyboardInterrupt
            yield event

    monkeypatch.setattr(LanguageModel, "events", interrupted)
    wrote = glassgpt("generate", model, PROMPT, "-n", 20, "-s", 4, *flags)
    assert wrote.code == 130
    begun = lm.generate(PROMPT, max_new_tokens=5, seed=4)
    if flags == ["--json"]:
        assert wrote.json["samples"][0]["finish_reason"] == "interrupted"
        assert begun.startswith(wrote.json["samples"][0]["text"])
    else:
        assert wrote.out.startswith(PROMPT + begun.rstrip("\ufffd"))
    assert "interrupted" in wrote.err


def test_turns_are_taken_until_the_input_ends(glassgpt, model):
    wrote = glassgpt("generate", model, "-i", "-n", 4, "-s", 1, stdin=b"the dog\n\n/undo\n/new\nthe fox\n")
    assert wrote.code == 0, wrote.err
    lines = wrote.out.splitlines()
    assert lines[0].startswith("the dog")
    assert any(line.startswith("the fox") for line in lines)


@pytest.mark.parametrize("flags", [["--json"], ["--num-samples", "2"], ["-f", "x"], ["some text"]])
def test_turns_go_with_no_other_way_of_asking(glassgpt, flags):
    assert glassgpt("generate", "-i", *flags).code == 2


@pytest.fixture
def program():
    """The command line of a process of its own."""
    return [sys.executable, "-c", "import sys; from glassgpt.cli.main import main; sys.exit(main(sys.argv[1:]))"]


@pytest.mark.slow
def test_a_reader_that_leaves_is_no_error(program, model):
    writing = subprocess.Popen(
        [*program, "generate", str(model), PROMPT, "-n", "40"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert writing.stdout
    writing.stdout.close()
    _, talk = writing.communicate(timeout=60)
    assert (writing.returncode, b"Traceback" in talk, b"Broken" in talk) == (0, False, False)


@pytest.mark.slow
@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no /dev/full")
@pytest.mark.parametrize("arguments", [["tokens", "x"], ["tokens", "--json", "x"], ["--help"]])
def test_a_full_disk_is_said(program, arguments):
    with open("/dev/full", "w") as full:
        done = subprocess.run([*program, *arguments], stdout=full, stderr=subprocess.PIPE, text=True, timeout=60)
    assert done.returncode == 1
    assert "No space left on device" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_writing_starts_without_the_compiler_which_takes_half_a_second(model):
    code = (
        "import sys; from glassgpt.cli.main import main; code = main(sys.argv[1:]); "
        "print([name for name in ('torch._dynamo', 'torch._inductor', 'sympy') if name in sys.modules]); sys.exit(code)"
    )
    words = [sys.executable, "-c", code, "generate", str(model), PROMPT, "-n", "2"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "[]"


def test_native_kernels_write_what_the_library_writes_with_them(glassgpt, model, tmp_path, monkeypatch):
    from glassgpt import load

    monkeypatch.setenv("GLASSGPT_CACHE", str(tmp_path))
    lm = load(model, backend="native", weights="int8")
    wrote = glassgpt("generate", model, PROMPT, "-n", 8, "-s", 4, "--backend", "native", "--weights", "int8")
    assert wrote.out == PROMPT + lm.generate(PROMPT, max_new_tokens=8, seed=4) + "\n"
    assert type(lm.backend).__name__ == "NativeBackend"
    refused = glassgpt("generate", model, PROMPT, "--weights", "int8", "--backend", "torch")
    assert refused.code == 2
    assert "--weights int8 is not allowed" in refused.err


def test_auto_says_why_pytorch_computes(glassgpt, model):
    wrote = glassgpt("generate", model, PROMPT, "-n", 2, "--dtype", "float64")
    assert wrote.code == 0
    assert "load it as float32 or bfloat16: PyTorch's kernels run" in wrote.err


def test_without_llvm_pytorch_computes_and_one_line_says_so(glassgpt, model, monkeypatch):
    import importlib.util

    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *rest: None if name == "llvmlite" else found(name))
    wrote = glassgpt("generate", model, PROMPT, "-n", 2)
    assert wrote.code == 0
    assert wrote.err.count("\n") == 2
    assert wrote.err.startswith(
        "no native kernels: llvmlite is not installed; pip install llvmlite: PyTorch's kernels run\n"
    )
    refused = glassgpt("generate", model, PROMPT, "-n", 2, "--backend", "native")
    assert refused.code == 2
    assert "pip install llvmlite" in refused.err
