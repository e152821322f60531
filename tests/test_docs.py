"""What the documents show is what happens: commands, outputs and examples are run."""

from __future__ import annotations

import csv
import re
import shlex
import shutil
from datetime import date
from pathlib import Path

import pytest
import yaml

from afcost import cli
from afcost.commands.planning import design as design_command
from afcost.commands.planning import estimation
from estimator.plan.planner import estimate_experiment
from experiment.definition import builtin_folder, load_experiment
from experiment.errors import BadQueries
from pricing.sources.user_prices import read_user_prices
from tests.runner import sample_experiment

ROOT = Path(__file__).parent.parent
DOCUMENTS = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "examples" / "README.md",
    *sorted((ROOT / "docs").rglob("*.md")),
]


def blocks(path: Path, language: str) -> list[str]:
    """Return the code blocks of a document in one language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", path.read_text(), re.DOTALL | re.MULTILINE)


def test_the_readme_shows_what_the_command_prints(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(estimation, "today", lambda: date(2026, 11, 21))
    (block,) = blocks(ROOT / "README.md", "console")
    command, _, shown = block.partition("\n")
    assert command.startswith("$ afcost ")
    assert cli.run_cli(shlex.split(command)[2:]) == 0
    printed = capsys.readouterr().out
    assert _steady(printed) == _steady(shown)


def test_a_design_is_what_the_command_prints(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(design_command, "today", lambda: date(2026, 11, 21))
    (block,) = blocks(ROOT / "docs" / "design-a-study.md", "console")
    command, _, shown = block.partition("\n")
    assert cli.run_cli(shlex.split(command)[2:]) == 0
    assert shown in capsys.readouterr().out


def _steady(text: str) -> list[str]:
    """Leave out what moves with the price table's version: other providers' offers."""
    return [line.partition("other providers:")[0] for line in text.splitlines()]


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_command_in_a_document_exists_with_its_options(path):
    for line in "\n".join(blocks(path, "sh")).splitlines():
        for part in line.partition("  #")[0].split("&&"):
            words = shlex.split(part)
            if not words or Path(words[0]).name != "afcost":
                continue
            name, arguments = words[1], words[2:]
            command = cli.cli.get_command(cli.click.Context(cli.cli), name)
            assert command is not None, line
            command.make_context(name, arguments)  # a usage error raises


def test_the_example_of_an_experiment_can_be_estimated(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = blocks(ROOT / "docs" / "experiments.md", "yaml")
    example, filtered, data_set, each, batches, *found = found
    declared, cached, sequential, own, taken, prices = found
    (tmp_path / "queries.txt").write_text("What is a mole?\nWhy is the sky blue?\n")
    (tmp_path / "experiment.yaml").write_text(example)
    plan = estimate_experiment("experiment.yaml", date(2026, 11, 21)).plan
    assert plan.request_count == 2 * (2 * 2 * 2) * 2
    (tmp_path / "afcost.prices.yaml").write_text(prices)
    assert "my-lab/llama-3.1-70b" in read_user_prices([tmp_path])
    rows = "goal,source,level\none,ours,3\ntwo,ours,1\nthree,advbench,3\n"
    (tmp_path / "queries.csv").write_text(rows)
    unasked = [line for line in example.splitlines() if not line.startswith("queries:")]
    (tmp_path / "experiment.yaml").write_text("\n".join([*unasked, filtered]))
    assert load_experiment("experiment.yaml").queries == ("one", "three")
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    (tmp_path / "experiment.yaml").write_text("\n".join([*unasked, data_set]))
    with pytest.raises(BadQueries, match=r"data set org/name \(test\) at 0123.* --allow-download"):
        load_experiment("experiment.yaml")
    unsampled = [line for line in example.splitlines() if not line.startswith("sampling:")]
    (tmp_path / "experiment.yaml").write_text("\n".join([*unsampled, declared]))
    assert estimate_experiment("experiment.yaml", date(2026, 11, 21)).plan.request_count == 32
    (tmp_path / "queries.txt").write_text("".join(f"What is {n}?\n" for n in range(10)))
    (tmp_path / "experiment.yaml").write_text(f"{example}\n{sequential}")
    told = estimate_experiment("experiment.yaml", date(2026, 11, 21)).plan.assumptions
    assert any("5 looks, after 2, 4, 6, 8 and 10 queries" in each for each in told)
    (tmp_path / "queries.txt").write_text("What is a mole?\nWhy is the sky blue?\n")
    lines = [line for line in example.splitlines() if not line.startswith("models:")]
    (tmp_path / "experiment.yaml").write_text("\n".join([*lines, cached]))
    told = estimate_experiment("experiment.yaml", date(2026, 11, 21)).plan.assumptions
    assert sum(each.startswith("cache: ") for each in told) == 2, "of one model, and of the judge"
    for providers in (own, taken):
        (tmp_path / "experiment.yaml").write_text("\n".join([*lines, providers]))
        plan = estimate_experiment("experiment.yaml", date(2026, 11, 21)).plan
        assert {s.exactness for s in plan.strata if s.stage == "subject"} == {"exact"}
    kept = ("name:", "queries:", "samples:")
    rest = [line for line in example.splitlines() if line.startswith(kept)]
    message = 'messages: [{role: user, content: "{{ query }}"}]'
    (tmp_path / "experiment.yaml").write_text("\n".join([*rest, message, each]))
    assert estimate_experiment("experiment.yaml", date(2026, 11, 21)).plan.request_count == 24
    sampling = "sampling: {max_tokens: 600}"
    (tmp_path / "experiment.yaml").write_text("\n".join([*rest, message, batches, sampling]))
    models = estimate_experiment("experiment.yaml", date(2026, 11, 21)).plan.models
    assert [each.offer.is_batch for each in models.values()] == [True, True, False]


@pytest.mark.parametrize("judges", blocks(ROOT / "docs" / "judges.md", "yaml"), ids=range(3))
def test_the_examples_of_judges_can_be_estimated(judges, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(builtin_folder() / "prompts", tmp_path / "prompts")
    (tmp_path / "queries.txt").write_text("What is a mole?\nWhy is the sky blue?\n")
    rest = """name: x
models: [gpt-4o]
queries: {file: queries.txt}
messages: [{role: user, content: "{{ query }}"}]
sampling: {max_tokens: 900}
"""
    (tmp_path / "experiment.yaml").write_text(rest + judges)
    estimated = estimate_experiment("experiment.yaml", date(2026, 11, 21))
    votes = sum(judge.samples for judge in load_experiment("experiment.yaml").spec.judges)
    assert estimated.plan.request_count == 2 + 2 * votes
    held = {each.stage: each.fields.get("response_format") for each in estimated.sent}
    assert [name for name, schema in held.items() if schema] == [
        name for name in ("harm", "motives", "tone", "risk") if f"name: {name}" in judges
    ]
    if held.get("harm"):
        assert held["harm"]["json_schema"]["schema"]["required"][0] == "why"


def test_the_example_of_an_import_is_what_happens(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    page = ROOT / "docs" / "importing.md"
    (rows,), (shown,) = blocks(page, "json"), blocks(page, "console")
    (tmp_path / "theirs.jsonl").write_text(rows)
    command, _, expected = shown.partition("\n")
    assert cli.run_cli(shlex.split(command)[2:]) == 0
    assert capsys.readouterr().out == expected
    for line, printed in {
        "afcost report runs/theirs": "+50.0 pp",
        "afcost report runs/theirs --answers answers.csv": "+50.0 pp",
        "afcost show runs/theirs": "What is in a firework?",
        "afcost export runs/theirs -o theirs.csv": "",
    }.items():
        assert line in page.read_text()
        assert cli.run_cli(shlex.split(line)[1:]) == 0
        assert printed in capsys.readouterr().out
    for name in ("answers.csv", "theirs.csv"):
        with (tmp_path / name).open(newline="") as file:
            assert [row["text"] for row in csv.DictReader(file)].count("<rejected/> No.") == 3
    (said,) = blocks(page, "yaml")
    (tmp_path / "map.yaml").write_text(said)
    renamed = rows.replace('"said"', '"response"').replace('"free"', '"is_free_tier_user"')
    (tmp_path / "mapped.jsonl").write_text(renamed.replace('"model"', '"model_id"'))
    assert cli.run_cli(["import", "mapped.jsonl", "--map", "map.yaml"]) == 0


def test_every_link_between_documents_leads_somewhere():
    for path in DOCUMENTS:
        for target in re.findall(r"\]\(([^)#]+)\)", path.read_text()):
            if not target.startswith("http"):
                assert (path.parent / target).exists(), f"{path.relative_to(ROOT)}: {target}"


def test_every_exception_stands_in_the_drawn_tree():
    tree = (ROOT / "afcost" / "errors.py").read_text()
    for path in ROOT.glob("*/errors.py"):
        for name in re.findall(r"^class (\w+)\(", path.read_text(), re.MULTILINE):
            assert name in tree, f"{name} of {path.parent.name}"


def test_every_path_that_the_contributors_guide_names_exists():
    text = (ROOT / "CONTRIBUTING.md").read_text()
    named = re.findall(r"`((?:experiment|pricing|providers|estimator|runner|afcost)/[^`]*)`", text)
    assert named
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_the_selections_of_judges_as_shown_are_read(tmp_path):
    (block,) = blocks(ROOT / "docs" / "experiments.md", "yml")
    shown = yaml.safe_load(block)["judges"]
    path = sample_experiment.write(tmp_path, judges=[])
    spec = yaml.safe_load(path.read_text())
    judge = {"model": sample_experiment.MODEL, "sampling": {"max_tokens": 8}}
    judge["messages"] = [{"role": "user", "content": "{{ output }}?"}]
    spec["judges"] = [judge | each for each in shown]
    path.write_text(yaml.safe_dump(spec, sort_keys=False))
    read = load_experiment(str(path)).spec.judges
    assert [each.when.waits_for for each in read] == [(), ("compliance",)]


def test_every_schema_stands_in_the_list_of_schemas():
    listed = (ROOT / "docs" / "design.md").read_text()
    rooms = ("afcost", "runner", "estimator", "pricing", "providers", "experiment")
    texts = (path.read_text() for room in rooms for path in (ROOT / room).rglob("*.py"))
    written = {name for text in texts for name in re.findall(r'"(afcost\.[a-z-]+/\d+)"', text)}
    assert len(written) > 15
    assert not {name for name in written if f"`{name}`" not in listed}
