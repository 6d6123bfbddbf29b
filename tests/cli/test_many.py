"""`glassgpt generate --prompts`: a line in, a line out, each what it would be alone."""

import json

import pytest

LINES = """\
"the dog"
{"prompt": "the fox", "id": "b", "seed": 3, "max_new_tokens": 4, "top_p": 1, "stop": ["zz"], "logit_bias": {"5": -9}}

{"prompt": "", "id": null}
"""


@pytest.fixture
def prompts(tmp_path):
    file = tmp_path / "prompts.jsonl"
    file.write_text(LINES)
    return file


def test_each_line_is_answered_in_order_as_if_alone(glassgpt, model, lm, prompts):
    ran = glassgpt("generate", model, "--prompts", prompts, "-n", 6, "-s", 8)
    assert ran.code == 0, ran.err
    answers = [json.loads(line) for line in ran.out.splitlines()]
    assert [(answer["id"], answer["seed"]) for answer in answers] == [(1, 8), ("b", 3), (None, 10)]
    own = {"seed": 3, "max_new_tokens": 4, "stop": ("zz",), "logit_bias": {5: -9.0}}
    alone = [
        lm.complete("the dog", max_new_tokens=6, seed=8)[0],
        lm.complete("the fox", **own)[0],
        lm.complete("", max_new_tokens=6, seed=10)[0],
    ]
    for answer, one in zip(answers, alone, strict=True):
        assert (answer["text"], answer["ids"], answer["finish_reason"]) == (one.text, list(one.ids), one.finish_reason)
    assert "3 prompts · " in ran.err


def test_samples_and_log_probabilities_come_too_and_speculation_changes_nothing(glassgpt, model, prompts):
    asked = ("generate", model, "--prompts", prompts, "-n", 6, "-s", 8, "--num-samples", 2, "--logprobs", 1)
    ran = glassgpt(*asked)
    answers = [json.loads(line) for line in ran.out.splitlines()]
    assert [(answer["id"], answer["sample"]) for answer in answers] == [
        (key, sample) for key in (1, "b", None) for sample in (0, 1)
    ]
    assert all(len(answer["logprobs"]) == len(answer["ids"]) for answer in answers)
    assert glassgpt(*asked, "--speculate").out == ran.out
    assert glassgpt(*asked, "--batch", 1).out == ran.out


def test_a_batch_of_none_is_refused(glassgpt, model, prompts):
    ran = glassgpt("generate", model, "--prompts", prompts, "--batch", 0)
    assert ran.code == 2
    assert "--batch 0" in ran.err


def test_a_pipe_may_bring_the_prompts_and_nothing_gives_nothing(glassgpt, model):
    ran = glassgpt("generate", model, "--prompts", "-", "-n", 2, "-q", stdin=b'"the dog"\n')
    assert len(ran.out.splitlines()) == 1
    assert glassgpt("generate", model, "--prompts", "-", "-q", stdin=b"").out == ""


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("the dog", "not JSON"),
        ("17", "must be a string"),
        ('{"text": "a"}', '"prompt"'),
        ('{"prompt": "a", "temprature": 1}', "no such setting"),
        ('{"prompt": "a", "temperature": -1}', "temperature"),
        ('{"prompt": "a", "max_new_tokens": "9"}', "max_new_tokens"),
        ('{"prompt": "a", "logit_bias": {"x": 1}}', "x"),
        ('{"prompt": "a", "top_p": NaN}', "NaN"),
        (json.dumps("the dog " * 40), "tokens"),
    ],
)
def test_bad_lines_are_named_with_their_number_before_anything_is_written(glassgpt, model, tmp_path, line, said):
    file = tmp_path / "prompts.jsonl"
    file.write_text(f'"fine"\n\n{line}\n')
    ran = glassgpt("generate", model, "--prompts", file, "-n", 2)
    assert (ran.code != 0, ran.out) == (True, "")
    assert "line 3: " in ran.err
    assert said in ran.err
    assert "Traceback" not in ran.err


def test_many_bad_lines_are_counted(glassgpt, model, tmp_path):
    file = tmp_path / "prompts.jsonl"
    file.write_text("x\n" * 25)
    ran = glassgpt("generate", model, "--prompts", file)
    assert "25 bad lines" in ran.err
    assert "line 10:" in ran.err
    assert "line 11:" not in ran.err
    assert "and 15 more" in ran.err


@pytest.mark.parametrize("more", [["word"], ["--file", "x"], ["--interactive"]])
def test_prompts_come_from_one_place(glassgpt, model, prompts, more):
    ran = glassgpt("generate", "-m", model, "--prompts", prompts, *more)
    assert (ran.code, ran.out) == (2, "")
    assert "--prompts" in ran.err
