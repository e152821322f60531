"""A survey that was made before: taken when nothing changed, and only then."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from estimator.count_cache import counts
from estimator.counting import calibration
from estimator.plan import planner as estimate
from estimator.plan.export import exporter
from estimator.workload import tally_cache as recall
from estimator.workload.resolve_models import resolve_models
from estimator.workload.tally import Tally
from experiment.definition.experiment import Changes
from experiment.definition.loader import load
from experiment.errors import BadTemplate
from pricing.price_book import PriceBook
from pricing.sources.user_prices import read_user_prices
from tests.estimator import tiny
from tests.runner import lab

pytestmark = pytest.mark.usefixtures("home")
MESSAGES = [{"role": "user", "content": "{{ file('frame.md') }}"}]


@pytest.fixture
def path(tmp_path, monkeypatch):
    """Give an experiment whose prompts insert a file."""
    monkeypatch.chdir(tmp_path)
    path = lab.write(tmp_path / "small", messages=MESSAGES)
    (path.parent / "frame.md").write_text("For the {{ tier }} tier. {{ how }} {{ query }}")
    price = {"input": "0.40", "output": "0.80"}
    prices = {"prices": {lab.MODEL: price, "my-lab/llama-3.1-70b": price}}
    (path.parent / "afcost.prices.yaml").write_text(yaml.safe_dump(prices))
    return path


@pytest.fixture
def surveys(monkeypatch):
    """Give the list of surveys that were made; recalled ones are not in it."""
    made = []

    def counted(*arguments):
        made.append(survey(*arguments))
        return made[-1]

    survey = estimate.survey
    monkeypatch.setattr(estimate, "survey", counted)
    return made


def plan(path, *changes, **options):
    return estimate.estimate(str(path), lab.DAY, *changes, **options).plan


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
    lesson = calibration.Lesson("llama-3.1", 9, 4, 4, lab.DAY)
    calibration.keep(calibration.place(), {name: lesson})


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
    "the model": Changes(models=("my-lab/llama-3.1-70b",)),
    "the limit": Changes(limit=2),
    "the samples": Changes(samples=2),
    "max_tokens": Changes(max_tokens=25),
}


@pytest.mark.parametrize("what", EDITS)
def test_what_was_edited_is_counted_anew(path, surveys, what):
    before = plan(path)
    EDITS[what](path)
    after = plan(path)
    assert len(surveys) == 2
    assert after.digest != before.digest
    assert after == plan(path, remember=False)


@pytest.mark.parametrize("what", CHANGES)
def test_what_the_command_line_changes_is_counted_anew_and_both_are_kept(path, surveys, what):
    before, after = plan(path), plan(path, CHANGES[what])
    assert len(surveys) == 2
    assert after == plan(path, CHANGES[what], remember=False)
    assert (plan(path), plan(path, CHANGES[what])) == (before, after)
    assert len(surveys) == 3, "only what was not to be remembered"


def test_with_another_tokenizer_it_is_counted_anew(path, surveys, tmp_path):
    pytest.importorskip("transformers")
    before = plan(path)
    after = plan(path, Changes(tokenizers=(str(tiny.save(tmp_path / "tiny")),)))
    assert len(surveys) == 2
    assert [s.input_tokens for s in after.strata] != [s.input_tokens for s in before.strata]


def test_with_another_window_it_is_counted_anew(path):
    experiment = load(str(path))
    models = resolve_models(experiment, PriceBook(lab.DAY, read_user_prices([path.parent])))
    recall.keep(experiment, models, estimate.survey(experiment, models))
    assert recall.recall(experiment, models) is not None
    for change in ({"window": 10}, {"prefill": False}):
        narrower = {name: replace(model, **change) for name, model in models.items()}
        assert recall.recall(experiment, narrower) is None, "a prompt may no longer fit"


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
            plan(path, remember=remember)
        said.append(str(error.value))
    assert said[0] == said[1]
    assert "frame.md" in said[0]


def less(kept, field):
    kept["tallies"][0].pop(field)
    return json.dumps(kept)


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
    ((key,),) = counts()._rows("SELECT key FROM document")
    counts().keep_document(key, DAMAGES[damage](json.loads(counts().document(key))))
    assert plan(path) == before
    assert len(surveys) == 2
    assert plan(path) == before
    assert len(surveys) == 2


def test_a_memory_is_used_and_no_cache_does_without_it(path):
    before = plan(path)
    ((key,),) = counts()._rows("SELECT key FROM document")
    kept = json.loads(counts().document(key))
    kept["tallies"][0]["input_tokens"] += 1000
    counts().keep_document(key, json.dumps(kept))
    assert plan(path).strata[0].input_tokens == before.strata[0].input_tokens + 1000
    assert plan(path, remember=False) == before


def test_every_request_that_is_written_to_a_file_was_counted(path, surveys, tmp_path):
    plan(path)
    with exporter(tmp_path / "requests.jsonl") as each:
        plan(path, each=each)
    rows = [json.loads(line) for line in (tmp_path / "requests.jsonl").read_text().splitlines()]
    assert len(rows) == 24
    assert len(surveys) == 2


NUMBERS = st.integers(0, 2**53)
KEYS = st.tuples(st.text(), st.text(st.characters()), st.text())
TALLIES = st.builds(
    Tally,
    requests=NUMBERS,
    input_tokens=NUMBERS,
    max_tokens=NUMBERS,
    bounds=st.dictionaries(NUMBERS, NUMBERS).map(Counter),
    carried=st.dictionaries(KEYS, NUMBERS),
    uses=st.tuples(NUMBERS, NUMBERS),
)


@given(key=KEYS, tally=TALLIES)
def test_a_tally_is_the_same_after_it_was_kept(key, tally):
    row = json.loads(json.dumps(recall._row(key, tally)))
    assert (recall._key_from(row), recall._tally_from(row)) == (key, tally)
    assert isinstance(recall._tally_from(row).bounds, Counter)
