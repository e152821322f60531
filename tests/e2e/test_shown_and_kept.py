"""Names that steer a terminal are shown as they are; cells run nothing; files are private."""

from __future__ import annotations

import csv
import io
import json
import os
import stat
from pathlib import Path

import pytest

from tests.runner.sample_experiment import write
from tests.support.provider.behaviour import Behaviour

NAMES = ("a\x1b[2J\x1b[1;1H$0.01", "b\u202e\u2066\u200b\x9b31m")
SHOWN = ("a\\x1b[2J\\x1b[1;1H$0.01", "b\\u202e\\u2066\\u200b\\x9b31m")


def prepare(folder: Path, url: str, levels: tuple[str, ...] = NAMES, **changes: object) -> None:
    """Plan and write an experiment of two conditions with these levels."""
    factor = {level: {"tier": str(number)} for number, level in enumerate(levels)}
    own = {
        "factors": {"tier": factor},
        "messages": [{"role": "user", "content": "{{ tier }} {{ query }}"}],
        "providers": {"my-lab": {"kind": "openai", "base_url": f"{url}/v1"}},
    }
    write(folder, queries=1, votes=0, **own | changes)


@pytest.fixture
def run(afcost, server, tmp_path):
    """Plan, approve and run an experiment of two hostile levels; give all that was printed."""

    def run(levels: tuple[str, ...] = NAMES, *arguments: str) -> str:
        server.reset(Behaviour(input_tokens=20, output_tokens=5))
        prepare(tmp_path, server.url, levels)
        printed = afcost("estimate", "experiment.yaml", "--by-condition", "-o", "plan.json")
        printed += afcost("approve", "plan.json", "--cap", "1", "--yes")
        printed += afcost("run", "plan.json", "--run-dir", "RUN", *arguments)
        return "".join(printed)

    return run


def unseen(text: str) -> list[str]:
    return [each for each in text if not each.isprintable() and each != "\n"]


def test_names_are_shown_as_what_they_are_everywhere(run, afcost):
    printed = run()
    assert unseen(printed) == []
    for command in (
        ["status", "RUN"],
        ["report", "RUN"],
        ["report", "RUN", "--format", "md"],
        ["report", "RUN", "--format", "csv"],
        ["report", "RUN", "--format", "json"],
        ["ledger", "RUN", "--all"],
        ["ledger", "RUN", "--format", "jsonl"],
        ["estimate", "experiment.yaml", "--by-condition"],
        ["estimate", "experiment.yaml", "--by-condition", "--format", "md"],
        ["estimate", "experiment.yaml", "--by-condition", "--format", "csv"],
        ["estimate", "experiment.yaml", "--by-condition", "--format", "json"],
    ):
        said = "".join(afcost(*command))
        assert unseen(said) == [], command
        if command[0] != "ledger" and "json" not in command:
            plain = said.replace("\\\\", "\\").replace("\\[", "[")  # Markdown's own escapes
            assert all(name in plain for name in SHOWN), command


def test_json_holds_the_exact_names(run, afcost):
    run()
    report = json.loads(afcost("report", "RUN", "--format", "json")[0])
    assert {each["condition"] for each in report["strata"]} == set(NAMES)


@pytest.mark.parametrize(
    "arguments",
    [
        ["estimate", "no\x1b[2Jne.yaml"],
        ["run", "no\u202ene.json"],
        ["report", "no\x9bne"],
        ["estimate", "--price", "a\x1b[2J=1/2"],
        ["estimate", "--model", "a\x1b[2J\nApproved."],
        ["no\x1b[2Jne"],
        ["estimate", "--no\x1b[2Jne"],
        ["prices", "show", "a\x1b[2J"],
        ["prices", "list", "a\x1b[2J"],
    ],
)
def test_errors_show_values_as_what_they_are(arguments, tmp_path, monkeypatch, capsys):
    from afcost.cli import run_cli  # noqa: PLC0415 - as the fixture does

    monkeypatch.chdir(tmp_path)
    run_cli(arguments)
    printed = "".join(capsys.readouterr())
    assert "ne" in printed or "a" in printed
    assert unseen(printed) == []
    assert "\nApproved." not in printed


def test_an_address_with_escape_sequences_is_refused_and_shown_as_what_it_is(afcost, tmp_path):
    url = "http://127.0.0.1:9/\x1b[2J\x1b[1;1H\u202e"
    prepare(tmp_path, "", providers={"my-lab": {"kind": "openai", "base_url": url}})
    printed = "".join(afcost("estimate", "experiment.yaml", ends=1))
    assert "http://127.0.0.1:9/\\x1b[2J\\x1b[1;1H\\u202" in printed
    assert unseen(printed) == []


def test_a_password_in_an_address_is_refused_and_not_shown(afcost, tmp_path):
    url = "http://ada:tiger-7c1e@127.0.0.1:9/v1"
    prepare(tmp_path, "", providers={"my-lab": {"kind": "openai", "base_url": url}})
    printed = "".join(afcost("estimate", "experiment.yaml", ends=1))
    assert "a user name is not allowed" in printed
    assert "tiger" not in printed


def test_markdown_shows_names_and_nothing_else(run, afcost):
    run(("a|b|<img src=x>", "[c](javascript:x) `d`"))
    text = afcost("report", "RUN", "--format", "md")[0]
    assert "a\\|b\\|\\<img src=x>" in text
    assert "\\[c\\](javascript:x) \\`d\\`" in text


def test_cells_that_begin_like_formulas_are_texts_but_for_programs(run, afcost, tmp_path):
    levels = ("=cmd|' C calc'!A0", "@SUM(A1)")
    run(levels)
    afcost("report", "RUN", "--answers", "safe.csv")
    afcost("report", "RUN", "--answers", "raw.csv", "--raw")
    afcost("report", "RUN", "--answers", "exact.jsonl")
    afcost("estimate", "experiment.yaml", "--requests", "requests.csv")
    afcost("estimate", "experiment.yaml", "--requests", "raw-requests.csv", "--raw")
    (tmp_path / "report.csv").write_text(afcost("report", "RUN", "--format", "csv")[0])
    escaped = {f"'{level}" for level in levels}
    for name in ("safe.csv", "requests.csv", "report.csv"):
        rows = list(csv.DictReader((tmp_path / name).read_text().splitlines()))
        assert {row["condition"] for row in rows} == escaped
    for name in ("raw.csv", "raw-requests.csv"):
        rows = list(csv.DictReader((tmp_path / name).read_text().splitlines()))
        assert {row["condition"] for row in rows} == set(levels)
    lines = (tmp_path / "exact.jsonl").read_text().splitlines()
    assert {json.loads(line)["condition"] for line in lines} == set(levels)
    raw = afcost("report", "RUN", "--format", "csv", "--raw")[0]
    assert {row["condition"] for row in csv.DictReader(io.StringIO(raw))} == set(levels)


def test_a_history_of_escaped_answers_is_read_as_it_was(run, afcost):
    run(("=a", "b"))
    afcost("report", "RUN", "--answers", "history.csv")
    arguments = ("--history", "history.csv", "--by-condition", "--format", "json")
    plan = json.loads(afcost("estimate", "experiment.yaml", *arguments)[0])
    assert {each["output_tokens"]["basis"] for each in plan["strata"]} == {"history"}


@pytest.mark.parametrize("umask", [0o000, 0o022])
def test_everything_that_is_kept_is_private(run, afcost, tmp_path, umask, monkeypatch):
    home = tmp_path / "home"
    monkeypatch.setenv("AFCOST_HOME", str(home))
    before = os.umask(umask)
    try:
        (tmp_path / "RUN").mkdir()
        (tmp_path / "RUN").chmod(0o777)
        run()
        afcost("report", "RUN", "-o", "out/report.md", "--answers", "out/answers.csv")
        afcost("ledger", "RUN", "-o", "out/ledger.csv")
        afcost("estimate", "experiment.yaml", "--requests", "out/requests.jsonl")
    finally:
        os.umask(before)
    made = [tmp_path / name for name in ("plan.json", "plan.approval.json", "RUN", "out")]
    made += [*tmp_path.glob(".*"), *made[2].rglob("*"), *made[3].rglob("*")]
    made += list(home.rglob("*"))
    assert {"ledger.sqlite", "ledger.lock", "answers.csv", "plan.json"} <= {x.name for x in made}
    for path in made:
        assert stat.S_IMODE(path.stat().st_mode) in (0o600, 0o700), path


def test_a_folder_of_another_user_that_others_can_write_to_is_refused(
    afcost, server, tmp_path, monkeypatch
):
    from runner.run_folder import private_dir  # noqa: PLC0415 - to be another user

    folder = tmp_path / "shared"
    folder.mkdir()
    folder.chmod(0o777)
    server.reset(Behaviour())
    prepare(tmp_path, server.url)
    afcost("estimate", "experiment.yaml", "-o", "plan.json")
    afcost("approve", "plan.json", "--cap", "1", "--yes")
    monkeypatch.setattr(private_dir.os, "geteuid", lambda: folder.stat().st_uid + 1)
    said = afcost("run", "plan.json", "--run-dir", "shared", ends=1)[1]
    assert "shared belongs to another user, and others can write to it" in said
    assert server.bill().calls == ()
