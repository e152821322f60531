"""Each model stands in the provenance as its provider reported it, with its fingerprints."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from types import SimpleNamespace

import pytest

from experiment.definition import SUBJECT
from providers.apis import find_api
from providers.registry import builtin_providers
from providers.reply import clean_response
from runner.ledger import FileLocation, read_ledger
from runner.reproduction import ModelTally, read_provenance
from tests.runner import sample_experiment as lab


@dataclass
class Changing(lab.FakeProvider):
    """Tells another fingerprint for every second query; none of its judge."""

    async def send(self, name, request):
        outcome = await super().send(name, request)
        build = f"fp_{request.query % 2}" if request.stage == SUBJECT else ""
        return replace(outcome, response=replace(outcome.response, fingerprint=build))


@pytest.fixture
def provenance(tmp_path):
    made = lab.make(tmp_path / "files", queries=3)
    path = tmp_path / "ledger.sqlite"
    with lab.ledger_of(path, lab.AMPLE) as ledger:
        lab.finish(lab.execution(made, ledger, Changing(made, lab.always(8))))
    plan = SimpleNamespace(
        models=made.models,
        digest="the plan",
        work_digest="the work",
        requests="the requests",
        files={"b": "2", "a": "1"},
        study="a study",
        order_seed="the work",
    )
    run_folder = SimpleNamespace(plan=plan, versions={"python": "3.11"})
    with read_ledger(FileLocation(path)) as reader:
        found = ModelTally()
        for job in reader.jobs():
            found.add(job)
        return read_provenance(run_folder, found, reader)


def test_models_stand_with_what_their_answers_reported(provenance):
    model = provenance.models[lab.MODEL]
    assert model.fingerprints == {"fp_0": 8, "fp_1": 4}, "of 4 conditions x 3 queries"
    assert list(model.reported.values()) == [24], "the judge is the same model"
    assert model.requested
    assert model.tokenizer


def test_it_is_plain_json_with_its_digests(provenance):
    document = json.loads(json.dumps(provenance.to_json()))
    assert list(document["files"]) == ["a", "b"]
    assert (document["plan"], document["work"], document["requests"]) == (
        "the plan", "the work", "the requests",
    )  # fmt: skip


def test_a_fingerprint_is_read_from_a_chat_completion_and_made_harmless():
    provider = builtin_providers()["openai"]
    body = {
        "id": "chatcmpl-1",
        "model": "gpt-4o-2024-08-06",
        "system_fingerprint": "fp_\x1b[31m44709d6fcb",
        "choices": [{"message": {"content": "yes"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 5, "completion_tokens": 1},
    }
    response = find_api(provider).parse_response(provider, body)
    assert response.fingerprint == "fp_[31m44709d6fcb"
    assert clean_response(replace(response, fingerprint="x" * 9999), 100).fingerprint != "x" * 9999
    body["system_fingerprint"] = None
    assert find_api(provider).parse_response(provider, body).fingerprint == ""
