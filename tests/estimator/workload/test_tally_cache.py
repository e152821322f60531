"""A survey that was made before: taken when nothing changed, and only then."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from estimator import survey
from estimator.count_cache import default_cache
from estimator.counting import calibration
from estimator.plan import planner as estimate
from estimator.plan import template_warnings
from estimator.plan.export import open_request_export
from estimator.workload import tally_cache as recall
from estimator.workload.model_resolution import resolve_models
from estimator.workload.tally import StratumKey, StratumTally
from experiment.definition.experiment import Overrides
from experiment.definition.loader import load_experiment
from experiment.errors import BadTemplate
from pricing.price_book import PriceBook
from pricing.sources.user_prices import read_user_prices
from tests.estimator import tiny_tokenizer as tiny
from tests.runner import sample_experiment as lab

pytestmark = pytest.mark.usefixtures("home")
MESSAGES = [{"role": "user", "content": "{{ file('frame.md') }}"}]


@pytest.fixture
def path(tmp_path, monkeypatch):
    """Return an experiment whose prompts insert a file."""
    monkeypatch.chdir(tmp_path)
    path = lab.write(tmp_path / "small", messages=MESSAGES)
    (path.parent / "frame.md").write_text("For the {{ tier }} tier. {{ how }} {{ query }}")
    price = {"input": "0.40", "output": "0.80"}
    prices = {"prices": {lab.MODEL: price, "my-lab/llama-3.1-70b": price}}
    (path.parent / "afcost.prices.yaml").write_text(yaml.safe_dump(prices))
    return path


@pytest.fixture
def surveys(monkeypatch):
    """Return the list of surveys that were made; recalled ones are not in it."""
    made = []

    def counted(*arguments):
        made.append(count(*arguments))
        return made[-1]

    count = survey.survey_experiment
    monkeypatch.setattr(survey, "survey_experiment", counted)
    return made


def plan(path, *changes, use_cache=True, **callbacks):
    options = estimate.EstimateOptions(use_cache=use_cache)
    return estimate.estimate_experiment(
        str(path), lab.DAY, *changes, options=options, **callbacks
    ).plan


def test_an_unchanged_experiment_is_not_counted_again_and_is_the_same_plan(
    path, surveys, new_process
):
    first = plan(path)
    assert len(surveys) == 1
    again = plan(path)
    new_process()
    later = plan(path)
    assert len(surveys) == 1
    assert first.digest == again.digest == later.digest
    assert first == later, "also what the digest leaves out"


def rewrite(path, name, old, new):
    file = path.parent / name
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new))


def learn(path):
    provider = next(iter(yaml.safe_load(path.read_text())["providers"].values()))
    name = f"{lab.MODEL} at {provider['base_url']}"
    lesson = calibration.CalibrationRecord("llama-3.1", 9, 4, 4, lab.DAY)
    calibration.save_calibration(calibration.calibration_path(), {name: lesson})


EDITS = {
    "a query": lambda path: rewrite(path, "queries.txt", "number 1", "the number 1"),
    "a query's space": lambda path: rewrite(path, "queries.txt", "number 1", "number  1"),
    "one query less": lambda path: rewrite(
        path, "queries.txt", "Please tell me about number 2.\n", ""
    ),
    "an inserted file": lambda path: rewrite(path, "frame.md", "For the", "This is for the"),
    "a level's text": lambda path: rewrite(path, "experiment.yaml", "Think aloud", "Think now"),
    "the judge": lambda path: rewrite(path, "experiment.yaml", "Was this refused", "Refused"),
    "max_tokens": lambda path: rewrite(path, "experiment.yaml", "max_tokens: 24", "max_tokens: 25"),
    "what bills taught": learn,
}
CHANGES = {
    "the model": Overrides(models=("my-lab/llama-3.1-70b",)),
    "the limit": Overrides(limit=2),
    "the samples": Overrides(samples=2),
    "max_tokens": Overrides(max_tokens=25),
}


@pytest.mark.parametrize("what", EDITS)
def test_what_was_edited_is_counted_anew(path, surveys, what):
    before = plan(path)
    EDITS[what](path)
    after = plan(path)
    assert len(surveys) == 2
    assert after.digest != before.digest
    assert after == plan(path, use_cache=False)


@pytest.mark.parametrize("what", CHANGES)
def test_what_the_command_line_changes_is_counted_anew_and_both_are_kept(path, surveys, what):
    before, after = plan(path), plan(path, CHANGES[what])
    assert len(surveys) == 2
    assert after == plan(path, CHANGES[what], use_cache=False)
    assert (plan(path), plan(path, CHANGES[what])) == (before, after)
    assert len(surveys) == 3, "only what was not to be remembered"


def test_with_another_tokenizer_it_is_counted_anew(path, surveys, tmp_path):
    pytest.importorskip("transformers")
    before = plan(path)
    after = plan(path, Overrides(tokenizers=(str(tiny.save(tmp_path / "tiny")),)))
    assert len(surveys) == 2
    assert [s.input_tokens for s in after.strata] != [s.input_tokens for s in before.strata]


def test_with_another_window_it_is_counted_anew(path):
    experiment = load_experiment(str(path))
    models = resolve_models(experiment, PriceBook(lab.DAY, read_user_prices([path.parent])))
    recall.save_workload(experiment, models, survey.survey_experiment(experiment, models))
    assert recall.load_workload(experiment, models) is not None
    for change in ({"window": 10}, {"prefill": False}):
        narrower = {name: replace(model, **change) for name, model in models.items()}
        assert recall.load_workload(experiment, narrower) is None, "a prompt may no longer fit"


def test_a_new_price_needs_no_new_count_but_is_a_new_plan(path, surveys):
    before = plan(path)
    rewrite(path, "afcost.prices.yaml", "'0.80'", "'0.90'")
    after = plan(path)
    assert len(surveys) == 1
    assert after.total.ceiling > before.total.ceiling


def test_a_removed_file_is_missed_as_if_nothing_were_remembered(path):
    plan(path)
    (path.parent / "frame.md").unlink()
    said = []
    for remember in (True, False):
        with pytest.raises(BadTemplate) as error:
            plan(path, use_cache=remember)
        said.append(str(error.value))
    assert said[0] == said[1]
    assert "frame.md" in said[0]


def less(kept, field):
    kept["tallies"][0].pop(field)
    return json.dumps(kept)


def find_survey_key():
    ((key,),) = default_cache()._fetch_rows(
        "SELECT key FROM document WHERE text LIKE '%\"tallies\"%'"
    )
    return key


DAMAGES = {
    "nothing": lambda _: "",
    "no JSON": lambda _: "not JSON",
    "a list": lambda _: "[]",
    "no fields": lambda _: "{}",
    "no tallies": lambda kept: json.dumps({k: v for k, v in kept.items() if k != "tallies"}),
    "files as a list": lambda kept: json.dumps(kept | {"files": ["frame.md"]}),
    "no key": lambda kept: less(kept, "key"),
    "no bounds": lambda kept: less(kept, "bounds"),
    "uses that are none": lambda kept: json.dumps(
        kept | {"tallies": [kept["tallies"][0] | {"uses": None}]}
    ),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_memory_is_counted_anew_and_mended(path, surveys, damage):
    before = plan(path)
    key = find_survey_key()
    default_cache().put_document(
        key, DAMAGES[damage](json.loads(default_cache().get_document(key)))
    )
    assert plan(path) == before
    assert len(surveys) == 2
    assert plan(path) == before
    assert len(surveys) == 2


def test_a_memory_is_used_and_no_cache_does_without_it(path):
    before = plan(path)
    key = find_survey_key()
    kept = json.loads(default_cache().get_document(key))
    kept["tallies"][0]["input_tokens"] += 1000
    default_cache().put_document(key, json.dumps(kept))
    assert plan(path).strata[0].input_tokens == before.strata[0].input_tokens + 1000
    assert plan(path, use_cache=False) == before
    assert not default_cache().bypassed, "only within that estimate"


def test_what_is_said_of_templates_is_kept_and_goes_with_every_file(path, monkeypatch):
    plan(path)
    made = []
    monkeypatch.setattr(template_warnings, "_build_requests", made.append)
    kept = plan(path).warnings
    assert not made
    monkeypatch.undo()
    assert kept == plan(path, use_cache=False).warnings
    rewrite(path, "frame.md", "{{ query }}", "")
    said = plan(path).warnings
    assert any("no message uses {{ query }}" in each for each in said)
    assert said == plan(path, use_cache=False).warnings


def test_a_file_that_was_missing_is_seen_when_it_is_there(path):
    rewrite(
        path, "frame.md", "{{ how }}", "{% if tier == 'none' %}{{ file('late.md') }}{% endif %}"
    )
    before = plan(path).warnings
    assert any("no template uses how" in each for each in before)
    (path.parent / "late.md").write_text("{{ how }}")
    after = plan(path).warnings
    assert after == plan(path, use_cache=False).warnings != before


def test_every_request_that_is_written_to_a_file_was_counted(path, surveys, tmp_path):
    plan(path)
    with open_request_export(tmp_path / "requests.jsonl") as each:
        plan(path, on_request=each)
    rows = [json.loads(line) for line in (tmp_path / "requests.jsonl").read_text().splitlines()]
    assert len(rows) == 24
    assert len(surveys) == 2


NUMBERS = st.integers(0, 2**53)
KEYS = st.builds(StratumKey, st.text(), st.text(st.characters()), st.text())
TALLIES = st.builds(
    StratumTally,
    requests=NUMBERS,
    input_tokens=NUMBERS,
    max_tokens=NUMBERS,
    bounds=st.dictionaries(NUMBERS, NUMBERS).map(Counter),
    judged_answers=st.dictionaries(KEYS, NUMBERS),
    answer_occurrences=st.tuples(NUMBERS, NUMBERS),
)


@given(key=KEYS, tally=TALLIES)
def test_a_tally_is_the_same_after_it_was_kept(key, tally):
    row = json.loads(json.dumps(recall._tally_to_json(key, tally)))
    assert (StratumKey(*row["key"]), recall._parse_tally(row)) == (key, tally)
    assert isinstance(recall._parse_tally(row).bounds, Counter)
