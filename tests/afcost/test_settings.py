"""Where an option comes from: flag, then environment, then afcost.toml, then its default."""

from __future__ import annotations

import json
import os

import pytest

from afcost.cli import run_cli


@pytest.fixture
def models(tmp_path, monkeypatch, capsys):
    """Estimate one query in an empty folder, and give the subject models that were planned."""
    monkeypatch.chdir(tmp_path)

    def planned(*arguments: str) -> set[str]:
        assert run_cli(["estimate", "--limit", "1", "--format", "json", *arguments]) == 0
        strata = json.loads(capsys.readouterr().out)["strata"]
        return {f"{s['provider']}/{s['model']}" for s in strata if s["stage"] == "subject"}

    return planned


def test_the_flag_beats_the_environment_beats_the_file_beats_the_default(
    models, tmp_path, monkeypatch
):
    assert models() == {"deepinfra/llama-3.1-70b"}
    (tmp_path / "afcost.toml").write_text('[estimate]\nmodel = ["llama-3.1-8b"]\n')
    assert models() == {"deepinfra/llama-3.1-8b"}
    monkeypatch.setenv("AFCOST_ESTIMATE_MODEL", "gpt-4o")
    assert models() == {"openai/gpt-4o"}
    assert models("--model", "gpt-4.1") == {"openai/gpt-4.1"}


def test_one_model_in_the_file_needs_no_list(models, tmp_path):
    (tmp_path / "afcost.toml").write_text('[estimate]\nmodel = "llama-3.1-8b"\n')
    assert models() == {"deepinfra/llama-3.1-8b"}


def test_a_provider_takes_the_models_alias_along(models):
    assert models("--provider", "openrouter") == {"openrouter/llama-3.1-70b"}
    assert models("--provider", "novita", "-m", "deepinfra/llama-3.1-8b") == {"novita/llama-3.1-8b"}
    google = "google/gemini-3.1-pro-preview"
    assert models("--provider", "openrouter", "-m", google) == {"openrouter/gemini-3.1-pro"}


@pytest.mark.parametrize(
    "make",
    [
        lambda path: path.write_text("estimate = ["),
        lambda path: path.write_text("a = " + "[" * 100_000),
        os.mkfifo,
        lambda path: path.symlink_to("/dev/zero"),
    ],
    ids=["no TOML", "depth", "FIFO", "device"],
)
def test_a_settings_file_that_cannot_be_read_is_named(tmp_path, monkeypatch, capsys, make):
    monkeypatch.chdir(tmp_path)
    make(tmp_path / "afcost.toml")
    assert run_cli(["estimate"]) == 2
    assert "cannot read afcost.toml" in capsys.readouterr().err


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
@pytest.mark.parametrize("arguments", [["approve", "p", "--cap", "1"], ["run", "p"]])
def test_a_pipe_in_the_place_of_a_plan_or_of_settings_is_not_waited_for(
    arguments, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    os.mkfifo(tmp_path / "p")
    assert run_cli(arguments) == 1
    assert "p is a pipe" in capsys.readouterr().err
    (tmp_path / "p").rename("afcost.toml")
    assert run_cli(arguments) == 2
    assert "afcost.toml is a pipe" in capsys.readouterr().err
