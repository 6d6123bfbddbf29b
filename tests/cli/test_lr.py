"""`glassgpt lr` and `glassgpt mup`."""

import pytest

SMALL = ("--model.emb-dim", 16, "--model.n-layers", 1, "--model.context-length", 16, "--rows", 2)


def test_lr_suggests_a_flag_to_train_with(glassgpt, prepared_by_command, tmp_path):
    ran = glassgpt("lr", prepared_by_command, *SMALL, "--climb-steps", 40, "--high", 100, "--svg", tmp_path / "c.svg")
    assert ran.code == 0, ran.err
    assert ran.out.startswith("--lr ")
    assert "was lowest at" in ran.err
    assert (tmp_path / "c.svg").read_text().startswith("<svg ")
    found = glassgpt("lr", prepared_by_command, *SMALL, "--climb-steps", 40, "--high", 100, "--json").json
    assert float(ran.out.split()[1]) == found["suggestion"]


def test_with_muon_both_rates_are_suggested(glassgpt, prepared_by_command):
    ran = glassgpt("lr", prepared_by_command, *SMALL, "--optimizer.method", "muon", "--climb-steps", 30, "--high", 100)
    assert "--optimizer.muon-lr " in ran.out


def test_mup_shows_both_parametrisations(glassgpt, tmp_path):
    ran = glassgpt("mup", "--widths", "32,64", "--steps", 2, "--svg", tmp_path / "c.svg")
    assert ran.code == 0, ran.err
    assert ran.out.count("largest / smallest") == 2
    assert (tmp_path / "c.svg").exists()
    found = glassgpt("mup", "--widths", "32,64", "--steps", 2, "--json").json
    assert [each["width"] for each in found["muP"]] == [32, 64]


@pytest.mark.parametrize("widths", ["64", "64,x", "0,64"])
def test_widths_that_are_none_are_refused(glassgpt, widths):
    assert glassgpt("mup", "--widths", widths).code == 2
