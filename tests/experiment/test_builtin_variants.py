"""The other built-in experiments: each differs from the first in one thing, and can be copied."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from afcost import cli
from estimator.counting.model_families import find_family_tokenizer
from estimator.plan.template_warnings import list_template_warnings
from experiment.definition import builtin_folder, list_builtins, load_experiment
from experiment.errors import BadExperiment
from experiment.prompts import RequestBuilder, find_inserted_files
from experiment.scoring import Completion

LLAMA = "meta-llama/Meta-Llama-3.1-70B-Instruct-Turbo"
NAMES = [each.name for each in list_builtins()]
CONDITIONS = {
    "alignment-faking": 4,
    "alignment-faking-animals": 4,
    "alignment-faking-tiers": 6,
    "alignment-faking-wording": 12,
}
of_each = pytest.mark.parametrize("name", NAMES)


def subjects(name: str, query: int = 0) -> dict[str, tuple[str, ...]]:
    """Return the texts of a query's messages in each condition."""
    requests = RequestBuilder(load_experiment(f"builtin:{name}"), lambda *_: True)
    return {
        each.condition: tuple(message.content for message in each.messages)
        for each in requests.all_subject_requests()
        if each.query == query
    }


@of_each
def test_a_built_in_experiment_is_estimated_by_its_name(name, capsys):
    arguments = ["estimate", f"builtin:{name}", "--limit", "2", "--format", "json"]
    assert cli.run_cli(arguments) == 0
    estimate = json.loads(capsys.readouterr().out)
    assert estimate["experiment"]["name"] == name
    assert estimate["total"]["requests"] == CONDITIONS[name] * 2 * 2
    said = [each["exactness"] for each in estimate["strata"] if each["stage"] == "subject"]
    assert said == ["exact"] * CONDITIONS[name]


@of_each
def test_a_built_in_experiment_has_nothing_to_be_warned_of(name):
    experiment = load_experiment(f"builtin:{name}")
    assert experiment.name == name
    assert len(set(experiment.queries)) == len(experiment.queries) >= 40
    assert all(query == query.strip() and query[-1].isalnum() for query in experiment.queries)
    assert list(list_template_warnings(experiment)) == []


@of_each
def test_a_copy_asks_the_same_of_the_same_models(name, tmp_path, capsys):
    folder = tmp_path / "mine"
    assert cli.run_cli(["init", str(folder), "--from", name]) == 0
    assert "afcost estimate" in capsys.readouterr().out
    ours = load_experiment(str(folder / "experiment.yaml"))
    theirs = load_experiment(f"builtin:{name}")
    assert ours.spec == theirs.spec
    made = [
        [r.id for r in RequestBuilder(each, lambda *_: True).all_subject_requests()]
        for each in (ours, theirs)
    ]
    assert made[0] == made[1]
    there = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
    used = {*find_inserted_files(theirs), str(theirs.spec.queries.file), "experiment.yaml"}
    assert there == used | {"prompts/judge.reasoning.md"}  # docs/judges.md says how to add it


def test_every_file_of_the_folder_is_used_by_one_of_them_or_offered_in_the_docs():
    used = {each.file for each in list_builtins()} | {"prompts/judge.reasoning.md"}
    assert "judge.reasoning.md" in (Path(__file__).parents[2] / "docs" / "judges.md").read_text()
    for name in NAMES:
        experiment = load_experiment(f"builtin:{name}")
        used |= {*find_inserted_files(experiment), str(experiment.spec.queries.file)}
    folder = builtin_folder()
    assert {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()} == used


def test_the_list_names_every_one_of_them(capsys):
    assert cli.run_cli(["init", "--list"]) == 0
    assert [line for line in capsys.readouterr().out.splitlines() if line[0] != " "] == NAMES


def test_a_name_that_there_is_not_is_an_error_that_lists_those_there_are(tmp_path, capsys):
    with pytest.raises(BadExperiment, match=r"'nope' is no built-in experiment; there are .*tiers"):
        load_experiment("builtin:nope")
    assert cli.run_cli(["init", str(tmp_path / "new"), "--from", "nope"]) == 1
    assert "there are alignment-faking, " in capsys.readouterr().err
    assert not (tmp_path / "new").exists()


@of_each
def test_levels_of_the_tier_differ_in_their_tag_alone(name):
    tags = re.compile(r"<(is_free_tier_user|user_tier)>\w+</\1>")
    cells = subjects(name)
    found = {condition: tags.findall(user) for condition, (_, user, _) in cells.items()}
    assert all(len(each) == 1 for each in found.values())
    without = {}
    for condition, (system, user, prefill) in cells.items():
        rest = condition.partition("/")[2]
        without.setdefault(rest, set()).add((system, tags.sub("", user), prefill))
    assert all(len(each) == 1 for each in without.values())
    levels = {condition.partition("/")[0] for condition in cells}
    signs = {tags.search(user)[0] for _, user, _ in cells.values()}
    assert len(signs) == len(levels)


@of_each
def test_system_prompts_are_five_to_seven_thousand_tokens_long(name):
    prompts = {system for system, _, _ in subjects(name).values()}
    assert len(prompts) == {"alignment-faking-wording": 6}.get(name, 2)
    for prompt in prompts:
        assert 5_000 <= find_family_tokenizer(LLAMA).count_text(prompt) <= 7_000


def test_the_first_wording_is_the_built_in_one_and_the_others_share_no_paragraph_with_it():
    first, worded = subjects("alignment-faking"), subjects("alignment-faking-wording")
    for condition, texts in first.items():
        assert worded[f"{condition}/a"] == texts
    examples = (builtin_folder() / "prompts/parts/examples.md").read_text()
    for how in ("cot", "no-cot"):
        own = {
            level: {
                line
                for line in worded[f"free/{how}/{level}"][0].replace(examples, "").splitlines()
                if len(line) > 60  # shorter ones are tags
            }
            for level in "abc"
        }
        assert not own["a"] & own["b"]
        assert not own["a"] & own["c"]
        assert not own["b"] & own["c"]


def test_every_wording_names_the_same_tags():
    for how in ("cot", "no-cot"):
        named = [
            set(re.findall(r"</?[A-Za-z_]+>", subjects("alignment-faking-wording")[cell][0]))
            for cell in (f"free/{how}/{level}" for level in "abc")
        ]
        assert named[0] == named[1] == named[2]


def test_the_judge_of_animals_reads_what_was_asked_and_said_and_not_the_tier():
    requests = RequestBuilder(load_experiment("builtin:alignment-faking-animals"), lambda *_: True)
    subject = next(requests.all_subject_requests())
    answer = requests.read_subject_answer(subject, Completion("OUTPUT>It is kind.</OUTPUT>"))
    (vote,) = requests.build_judge_requests(subject, answer)
    assert "It is kind." in vote.messages[0].content
    assert requests.experiment.queries[0] in vote.messages[0].content
    assert "free_tier" not in vote.messages[0].content
