"""Looking at a model never takes more of the run's time than it may, and never changes the run."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from glassgpt.train import Evaluation, Sample, Watching, train
from glassgpt.train.watching import Budget, sample

SECONDS = st.floats(0.01, 100.0)


@given(
    share=st.floats(0.01, 0.9),
    looks=st.lists(st.tuples(SECONDS, st.sampled_from(["evaluation", "sample"])), min_size=3, max_size=40),
)
def test_looking_keeps_its_share_once_its_cost_is_known(share, looks):
    cost = {"evaluation": 3.0, "sample": 0.5}
    budget, trained = Budget(share), 0.0
    for kind in cost:  # whatever has no known cost is tried
        assert budget.allows(kind, trained)
        budget.took(kind, cost[kind])
    for seconds, kind in looks:
        trained += seconds
        if budget.allows(kind, trained):
            budget.took(kind, cost[kind])
            assert budget.spent <= share * (trained + budget.spent) + 1e-9
        else:
            assert budget.spent + cost[kind] > share * (trained + budget.spent + cost[kind]) - 1e-9


def test_a_budget_that_is_left_out_of_is_caught_up_with():
    budget = Budget(0.1)
    budget.took("evaluation", 2.0)
    assert not budget.allows("evaluation", 30.0)
    assert budget.allows("evaluation", 36.1)  # 4 of 40.1 seconds


def test_without_a_share_there_is_no_limit():
    budget = Budget(0.0)
    budget.took("evaluation", 1e9)
    assert budget.allows("evaluation", 0.0)


def test_samples_and_evaluations_come_when_they_are_due_and_at_the_end(tmp_path, prepared, recipe):
    watching = Watching(evaluate_every=4, sample_every=3, sample_prompt="the robot", sample_tokens=5)
    events = []
    train(replace(recipe, watching=watching), tmp_path / "run", prepared, listen=events.append)
    samples = [event for event in events if isinstance(event, Sample)]
    assert [event.step for event in events if isinstance(event, Evaluation)] == [4, 8, 10]
    assert [event.step for event in samples] == [3, 6, 9, 10]
    assert {event.prompt for event in samples} == {"the robot"}
    assert all(event.text for event in samples)


def test_a_spent_budget_leaves_only_the_last_look(tmp_path, prepared, recipe):
    watching = Watching(evaluate_every=1, evaluate_share=1e-9)
    events = []
    result = train(replace(recipe, watching=watching), tmp_path / "run", prepared, listen=events.append)
    assert [event.step for event in events if isinstance(event, Evaluation)] == [1, 10]
    assert result.validation is not None


def test_a_run_that_is_looked_at_is_the_run_that_is_not(tmp_path, prepared, recipe):
    losses = []
    for name, watching in (
        ("a", Watching(evaluate_every=0)),
        ("b", Watching(evaluate_every=5, sample_every=5, sample_tokens=3)),
    ):
        result = train(replace(recipe, watching=watching), tmp_path / name, prepared)
        losses.append((result.validation.nats, (result.folder / "model.safetensors").read_bytes()))
    assert losses[0] == losses[1]


def test_the_same_model_writes_the_same_sample(tmp_path, prepared, recipe):
    from glassgpt.checkpoints import load_model

    loaded = load_model(train(recipe, tmp_path / "run", prepared).folder)
    first, second = (sample(loaded.model, loaded.tokenizer, Watching(sample_tokens=8), step) for step in (1, 2))
    assert first.text == second.text
    assert (first.step, second.step, first.prompt) == (1, 2, "")
