"""`glassgpt recipes`, and recipes from files on the command line."""


def test_the_list_names_every_recipe_and_what_to_expect(glassgpt):
    shown = glassgpt("recipes")
    assert shown.code == 0
    assert "shakespeare-char " in shown.out
    assert shown.out.count("Expect: ") == len(glassgpt("recipes", "--json").json["recipes"])


def test_one_recipe_is_a_file_that_train_takes(glassgpt, prepared_by_command, tmp_path):
    shown = glassgpt("recipes", "embedded")
    assert shown.out.startswith("# The model in the box")
    (tmp_path / "mine.toml").write_text(shown.out)
    plan = glassgpt(
        "train", prepared_by_command, "--recipe", tmp_path / "mine.toml", "--steps", 9, "--dry-run", "--json"
    ).json
    assert (plan["recipe"]["steps"], plan["recipe"]["rows"]) == (9, 32)
    assert plan["recipe"]["model"]["vocab_size"] == 275  # 256 bytes, 18 merges, the end of a text


def test_the_recipe_of_a_run_can_be_taken_for_another(glassgpt, prepared_by_command, tmp_path):
    small = ("--model.emb-dim", 16, "--model.n-layers", 1, "--model.context-length", 16, "--rows", 2)
    assert glassgpt("train", prepared_by_command, "--out", tmp_path / "run", "--steps", 1, *small).code == 0
    again = glassgpt(
        "train", prepared_by_command, "--recipe", tmp_path / "run", "--seed", 4, "--dry-run", "--json"
    ).json
    assert (again["recipe"]["model"]["emb_dim"], again["recipe"]["rows"], again["recipe"]["seed"]) == (16, 2, 4)


def test_an_unknown_recipe_is_refused(glassgpt):
    assert glassgpt("recipes", "no-such").code == 2


def test_a_model_of_characters_is_prepared_and_trained_by_name(glassgpt, tmp_path):
    (tmp_path / "play.txt").write_text("First Citizen: before we proceed any further, hear me speak. " * 100)
    glassgpt("data", "prepare", tmp_path / "play.txt", "--tokenizer", "bytes", "-o", tmp_path / "data")
    plan = glassgpt("train", tmp_path / "data", "--recipe", "shakespeare_char", "--dry-run", "--json").json["recipe"]
    assert (plan["model"]["vocab_size"], plan["steps"], plan["rows"]) == (257, 2_000, 12)
