"""The verbs that look inside say what `glassgpt.interpret` says: attn, lens, attribute, ablate, heads and more."""

import re
import xml.dom.minidom

import numpy as np
import pytest

TEXT = "the dog and the fox"


@pytest.fixture(scope="session")
def seen(lm):
    from glassgpt.interpret import trace

    return trace(lm.model, lm.tokenizer.encode(TEXT), spell=lm.tokenizer.spell)


def near(answer, expected):
    np.testing.assert_allclose(np.array(answer), expected, rtol=1e-4, atol=1e-5)


def test_one_head_in_full(glassgpt, model, seen):
    from glassgpt.interpret import attention

    view = attention(seen, 1, 2)
    asked = ("attn", model, TEXT, "--layer", 1, "--head", 2, "--pos", 4)
    answer = glassgpt(*asked, "--json").json
    assert answer["tokens"] == list(seen.tokens)
    near(answer["raw"], view.raw[4, :5])
    near(answer["pattern"], view.pattern[4, :5])
    lines = glassgpt(*asked).out.splitlines()
    assert lines[0] == view.describe(4)
    assert len(lines) == 3 + 5


def test_a_head_without_its_first_token_and_weighed_by_values(glassgpt, model, seen):
    from glassgpt.interpret import value_weighted, without_first

    answer = glassgpt("attn", model, TEXT, "--layer", 0, "--head", 1, "--hide-first", "--values", "--json").json
    near(answer["shown"], without_first(value_weighted(seen, 0, 1))[-1])


def test_every_head_at_a_glance(glassgpt, model, seen):
    from glassgpt.interpret import looks

    near(glassgpt("attn", model, TEXT, "--json").json["looks"], looks(seen, -1))
    lines = glassgpt("attn", model, TEXT, "--pos", 3).out.splitlines()
    assert lines[0].startswith(f"At {seen.tokens[3]} (3)")
    assert len(lines) == 2 + 2 * 3


def test_the_lens_and_a_watched_word(glassgpt, model, seen):
    from glassgpt.interpret import lens, watch

    answer = glassgpt("lens", model, TEXT, "--word", "#260", "--top", 2, "--json").json
    watched = watch(seen, 260)
    assert answer["watched"]["id"] == 260
    assert [stop["rank"] for stop in answer["stops"]] == watched.ranks.tolist()
    assert [[word["id"] for word in stop["words"]] for stop in answer["stops"]] == lens(seen, -1, 2).ids.tolist()
    lines = glassgpt("lens", model, TEXT).out.splitlines()
    assert lines[0] == lens(seen).describe()
    assert lines[-1].split()[0] == "embedding"
    assert len(lines) == 4 + 5


def test_the_parts_of_a_logit(glassgpt, model, seen):
    from glassgpt.interpret import attribute

    answer = glassgpt("attribute", model, TEXT, "--word", "#265", "--json").json
    assert abs(sum(answer["parts"].values()) - answer["logit"]) < 1e-4
    near(answer["parts"]["head 1.1"], attribute(seen, 265).heads[1, 1])
    shown = glassgpt("attribute", model, TEXT, "--word", "#265", "--top", 4).out.splitlines()
    assert re.search(r"^  sum ", shown[-1])
    numbers = [float(re.search(r"[+-]\d+\.\d+", line)[0]) for line in shown[2:]]
    assert abs(sum(numbers[:-1]) - numbers[-1]) < 0.01


def test_a_lead_over_a_rival(glassgpt, model, seen):
    from glassgpt.interpret import attribute

    answer = glassgpt("attribute", model, TEXT, "--word", "#265", "--against", "#270", "--json").json
    near(answer["logit"], attribute(seen, 265, against=270).logit)


def test_what_is_changed_is_changed_for_every_verb(glassgpt, model, seen):
    from glassgpt.interpret import Head, attribute, mean, zero

    changed = seen.under(zero(Head(0, 1)), mean(Head(1, 0), seen))
    asked = ("--do", "zero head 0.1", "--do", "mean head 1.0", "--json")
    answer = glassgpt("attribute", model, TEXT, "--word", "#265", *asked).json
    assert answer["changes"] == ["zero head 0.1", "mean head 1.0"]
    near(answer["logit"], attribute(changed, 265).logit)
    assert glassgpt("ablate", model, TEXT, *asked).json["kl"] > 0


def test_a_sweep_beside_direct_effects(glassgpt, model, seen):
    from glassgpt.interpret import attribute, sweep

    found = sweep(seen)
    answer = glassgpt("ablate", model, TEXT, "--json").json
    near(answer["heads"], found.heads)
    near(answer["mlps_kl"], found.mlps_kl)
    near(answer["direct_heads"], attribute(seen, found.word).heads)
    lines = glassgpt("ablate", model, TEXT, "--top", 3).out.splitlines()
    assert lines[0] == found.describe()
    assert len(lines) == 2 + 1 + 3


def test_habits_of_heads(glassgpt, model, lm):
    from glassgpt.interpret import score_heads

    answer = glassgpt("heads", model, "--json").json
    near(answer["induction"], score_heads(lm.model).induction)
    lines = glassgpt("heads", model, "--habit", "first", "--top", 2).out.splitlines()
    assert lines[2] == "first"
    assert len(lines) == 5


def test_neighbours_of_words(glassgpt, model, lm):
    from glassgpt.interpret import difference, neighbors

    answer = glassgpt("neighbors", model, "#265", "--plus", "#261", "--minus", "#270", "--json").json
    assert [word["id"] for word in answer["nearest"]] == neighbors(lm.model, [265, 261], [270]).ids.tolist()
    answer = glassgpt("neighbors", model, "#265", "--than", "#270", "--top", 4, "--json").json
    assert [word["id"] for word in answer["against"]] == difference(lm.model, 265, 270, 4).against.ids.tolist()
    assert len(glassgpt("neighbors", model, "#265", "--top", 6).out.splitlines()) == 7


def test_two_models_on_one_text(glassgpt, model, lm):
    from glassgpt.interpret import Mlp, compare, trace, zero

    ids = [lm.tokenizer.end_of_text, *lm.tokenizer.encode(TEXT)]
    plain = trace(lm.model, ids)
    found = compare(plain, plain.under(zero(Mlp(0))))
    answer = glassgpt("compare", model, model, TEXT, "--do", "zero mlp 0", "--json").json
    near(answer["kl"], found.kl)
    near(answer["logprobs"], [found.one, found.other])
    lines = glassgpt("compare", model, model, TEXT, "--top", 3, "--do", "zero mlp 0").out.splitlines()
    assert len(lines) == 2 + 1 + 3 + 2
    assert "+0.00 bits in all" in glassgpt("compare", model, model, stdin=TEXT.encode()).out


def test_words_are_written_and_foreseen_under_changes(glassgpt, model, lm):
    from glassgpt.interpret import Head, Mlp, mean, zero

    changed = lm.under(zero(Mlp(0)), mean(Head(1, 1), lm.trace(TEXT)))
    asked = (model, TEXT, "--do", "zero mlp 0", "--do", "mean head 1.1", "--json")
    answer = glassgpt("next", *asked).json
    near([word["probability"] for word in answer["next"]], [word.probability for word in changed.next_words(TEXT)])
    assert answer["next"][0]["probability"] != lm.next_words(TEXT)[0].probability
    settings = {"temperature": 0.0, "max_new_tokens": 8, "ignore_eos": True}
    written = glassgpt("generate", *asked, "-t", 0, "-n", 8).json
    assert changed.generate(TEXT, **settings).startswith(written["samples"][0]["text"])


@pytest.mark.parametrize(
    "typed",
    [
        ("attn", TEXT),
        ("attn", TEXT, "--layer", 0, "--head", 0),
        ("lens", TEXT),
        ("attribute", TEXT),
        ("ablate", TEXT),
        ("heads",),
        ("neighbors", "#265"),
        ("neighbors", "#265", "--than", "#270"),
        ("compare", "MODEL", TEXT),
    ],
)
def test_every_picture_is_a_drawing_that_can_be_read(glassgpt, model, tmp_path, typed):
    verb, *rest = [model if word == "MODEL" else word for word in typed]
    done = glassgpt(verb, model, *rest, "--svg", tmp_path / "picture.svg")
    assert done.code == 0, done.err
    drawn = xml.dom.minidom.parse(str(tmp_path / "picture.svg")).documentElement
    assert drawn.getElementsByTagName("title")[0].firstChild.data
    assert "http" not in drawn.toxml().replace("http://www.w3.org/2000/svg", "")


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        (("attn", TEXT, "--layer", 1), "--layer and --head together"),
        (("attn", TEXT, "--layer", 9, "--head", 0), "must be from"),
        (("lens", TEXT, "--pos", 99), "--pos 99 is not allowed"),
        (("lens", TEXT, "--word", "hippopotamus"), "is not one token"),
        (("attribute", ""), "no text to look at"),
        (("ablate", TEXT, "--do", "paint head 1.1"), "say zero, scale"),
        (("ablate", TEXT, "--do", "zero head 7.1"), "must be from 0 to 1"),
        (("neighbors", "#265", "--than", "#265"), "must be another word"),
        (("compare", "one text only"), "give two models and a text"),
    ],
)
def test_what_cannot_be_shown_is_told_in_plain_words(glassgpt, model, typed, told):
    verb, *rest = typed
    met = glassgpt(verb, model, *rest)
    assert (met.code, met.out) == (2, "")
    assert told in met.err


def test_hostile_tokens_are_letters_in_a_picture(glassgpt, model, tmp_path):
    glassgpt("attn", model, "<script>&\"'", "--layer", 0, "--head", 0, "--svg", tmp_path / "picture.svg")
    drawn = xml.dom.minidom.parse(str(tmp_path / "picture.svg"))
    assert drawn.getElementsByTagName("script") == []
