"""Trust: a stranger's experiment reads its own folder; the user's word opens others."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from estimator.plan import read_plan
from estimator.plan.staleness import verify_plan
from tests.runner.sample_experiment import NOW

EXPERIMENT = """\
name: strange
models: [gpt-4o]
queries: {{file: {queries}}}
messages: [{{role: user, content: "{content}"}}]
sampling: {{max_tokens: 10}}
"""


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """Keep what is trusted apart from the user's own."""
    monkeypatch.setenv("AFCOST_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hub"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)


@pytest.fixture
def write(tmp_path):
    """Write an experiment beside a folder of shared files."""

    def write_experiment(queries="q.txt", content="{{ query }}", more="", folder="own") -> str:
        (tmp_path / folder).mkdir(exist_ok=True)
        (tmp_path / "shared").mkdir(exist_ok=True)
        for place in (folder, "shared"):
            (tmp_path / place / "q.txt").write_text("Why?\n")
        path = tmp_path / folder / "experiment.yaml"
        path.write_text(EXPERIMENT.format(queries=queries, content=content) + more)
        return f"{folder}/experiment.yaml"

    return write_experiment


def test_a_stranger_reads_neither_the_environment_nor_the_files_around(write, afcost):
    for path in ("/proc/self/environ", "/etc/passwd", "../shared/q.txt"):
        for where in ({"content": f"{{{{ raw('{path}') }}}}"}, {"queries": f"{path}"}):
            afcost("estimate", write(**where), "-o", "plan.json", ends=1)
    assert not Path("plan.json").exists()


def test_a_trusted_folder_is_read_and_travels_in_the_plan(write, afcost, tmp_path, monkeypatch):
    path = write(queries="../shared/q.txt")
    _, said = afcost("estimate", path, ends=1)
    assert f"afcost trust {tmp_path / 'shared'}" in said
    afcost("trust", "shared")
    assert afcost("trust")[0].split() == [str(tmp_path / "shared")]
    afcost("estimate", path, "-o", "plan.json")
    plan = read_plan(Path("plan.json"))
    assert plan.trusted_folders == (str(tmp_path / "shared"),)
    monkeypatch.setenv("AFCOST_HOME", str(tmp_path / "another machine"))
    assert verify_plan(plan, NOW).experiment.queries == ("Why?",)
    afcost("estimate", path, ends=1)


def test_what_is_trusted_can_be_forgotten(write, afcost):
    path = write(queries="../shared/q.txt")
    assert "No folder is trusted" in afcost("trust")[0]
    afcost("trust", "shared")
    afcost("estimate", path)
    afcost("trust", "--remove", "shared")
    afcost("estimate", path, ends=1)
    afcost("trust", "--remove", "shared", ends=1)
    afcost("trust", "--remove", ends=2)


@pytest.mark.parametrize("folder", ["/", "~", "/proc", "/dev", "nowhere", "own/experiment.yaml"])
def test_what_holds_everything_or_nothing_is_not_trusted(write, afcost, folder):
    write()
    afcost("trust", str(Path(folder).expanduser()), ends=1)
    assert "No folder is trusted" in afcost("trust")[0]


def test_a_plan_of_its_own_folder_has_no_trusted_folders_and_the_digest_of_before(write, afcost):
    afcost("trust", write() and "shared")
    afcost("estimate", "own/experiment.yaml", "-o", "plan.json")
    document = json.loads(Path("plan.json").read_text())
    assert not {"trusted_folders", "price_files"} & {*document, *document["changes"]}


def test_a_plan_of_before_that_read_from_elsewhere_is_still_valid(write, afcost, tmp_path):
    path = write(queries="../shared/q.txt")
    afcost("trust", "shared")
    afcost("estimate", path, "-o", "plan.json")
    document = json.loads(Path("plan.json").read_text())
    del document["trusted_folders"]
    plan = read_plan(Path("plan.json"))
    object.__setattr__(plan, "trusted_folders", ())
    document["digest"] = plan.digest
    Path("plan.json").write_text(json.dumps(document))
    shutil.rmtree(tmp_path / "home" / "data")
    assert verify_plan(read_plan(Path("plan.json")), NOW).experiment.queries == ("Why?",)


PRICES = "prices:\n  openai/gpt-4o: {{input: {}, output: 4}}\n"


def test_a_price_file_that_the_user_names_may_be_anywhere_and_travels(write, afcost, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "mine.yaml").write_text(PRICES.format(3))
    write()
    (tmp_path / "own" / "afcost.prices.yaml").write_text(PRICES.format(2))
    path = "own/experiment.yaml"
    afcost("estimate", path, "--prices", "elsewhere/mine.yaml", "-o", "plan.json")
    plan = read_plan(Path("plan.json"))
    card = plan.models["gpt-4o"].card
    assert str(card.input.base) == "3"
    assert plan.changes.price_files == (str(tmp_path / "elsewhere" / "mine.yaml"),)
    assert verify_plan(plan, NOW)
    _, said = afcost("estimate", path, "--prices", "nowhere.yaml", ends=1)
    assert "nowhere.yaml" in said


@pytest.mark.parametrize("kind", ["a link", "a pipe", "a folder"])
def test_a_price_file_that_is_none_of_its_folder_is_refused(write, afcost, tmp_path, kind):
    import os  # noqa: PLC0415 - beside its use

    write()
    place = tmp_path / "own" / "afcost.prices.yaml"
    (tmp_path / "shared" / "p.yaml").write_text(PRICES.format(2))
    if kind == "a link":
        place.symlink_to(tmp_path / "shared" / "p.yaml")
    elif kind == "a pipe":
        os.mkfifo(place)
    else:
        place.mkdir()
    _, said = afcost("estimate", "own/experiment.yaml", ends=1)
    assert str(place) in said


def test_a_download_needs_the_users_word_and_the_token_is_named(write, afcost, monkeypatch):
    path = write(more="tokenizer: hf:a-stranger/tokenizer\n")
    monkeypatch.setenv("HF_TOKEN", "hf_not-to-be-shown")
    _, said = afcost("estimate", path, ends=1)
    assert "would be downloaded from https://huggingface.co/a-stranger/tokenizer" in said
    assert "with the token in HF_TOKEN" in said
    assert "--allow-download" in said
    assert "hf_not-to-be-shown" not in said
    monkeypatch.delenv("HF_TOKEN")
    assert "with no token" in afcost("estimate", path, ends=1)[1]


def test_the_hub_is_not_asked_before_the_users_word(write, afcost, monkeypatch):
    """The library asks it all the same where it is only told to look at local files."""
    asked = []

    def look_up(host, *_):
        asked.append(host)
        raise OSError(f"{host} was looked up")

    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setattr("socket.getaddrinfo", look_up)
    _, said = afcost("estimate", write(more="tokenizer: hf:a-stranger/tokenizer\n"), ends=1)
    assert "--allow-download" in said
    assert asked == []


@pytest.mark.parametrize(
    "arguments", [["--allow-download"], ["--tokenizer", "hf:a-stranger/tokenizer"]]
)
def test_with_the_users_word_a_download_is_tried(write, afcost, arguments):
    path = write(more="tokenizer: hf:a-stranger/tokenizer\n")
    _, said = afcost("estimate", path, *arguments, ends=1)
    assert "cannot load tokenizer hf:a-stranger/tokenizer" in said


@pytest.mark.parametrize("source", ["hf:../../etc", "hf:/etc", "hf:a/b/c", "hf:", "hf:own/sub"])
def test_what_is_no_repository_is_not_looked_for(write, afcost, tmp_path, source):
    path = write(more=f"tokenizer: '{source}'\n")
    (tmp_path / "own" / "sub").mkdir()
    _, said = afcost("estimate", path, "--allow-download", ends=1)
    assert "is not a repository" in said or "would be loaded instead" in said


@pytest.mark.parametrize("source", ["../shared", "/etc", "/proc/self", "link"])
def test_a_tokenizer_comes_from_the_experiments_own_folder(write, afcost, tmp_path, source):
    path = write(more=f"tokenizer: {source}\n")
    (tmp_path / "own" / "link").symlink_to(tmp_path / "shared")
    _, said = afcost("estimate", path, ends=1)
    assert "afcost trust" in said or "operating system" in said


def test_a_tokenizer_in_a_folders_settings_is_not_the_users_word(write, afcost):
    Path("afcost.toml").write_text('[estimate]\ntokenizer = "hf:a-stranger/tokenizer"\n')
    _, said = afcost("estimate", write(), ends=1)
    assert "would be downloaded" in said
    assert "cannot load" in afcost("estimate", write(), "--allow-download", ends=1)[1]


@pytest.mark.parametrize("option", ["allow-download = true", "trust = ['a=B']", "yes = true"])
def test_a_folders_settings_are_not_the_users_word(write, afcost, option):
    Path("afcost.toml").write_text(f"[estimate]\n{option}\n")
    _, said = afcost("estimate", write(), ends=2)
    assert "only be given on the command line" in said
