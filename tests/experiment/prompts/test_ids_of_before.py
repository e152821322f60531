"""Requests are found again under the ids that earlier versions gave them.

An id decides whether an answer is paid for again, so ids and stored fields are written down here as
an earlier version made them.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace

from experiment.definition import BUILTIN_SOURCE, Overrides
from experiment.definition.loader import load_experiment
from experiment.definition.schema import read_stored_spec
from experiment.prompts.request_builder import RequestBuilder
from tests.experiment.text_answers import text_answer

BEFORE = """\
name: before
models: [gpt-4o, anthropic/claude-opus-4-8]
factors:
  tier:
    free: {pays: no, opening: "Hi."}
    "yes": {pays: true, opening: ""}
queries: {file: queries.txt}
samples: 2
messages:
  - {role: system, content: "{{ opening }}{{ pays }}"}
  - {role: user, content: "{{ query }}"}
  - {role: assistant, content: "<"}
sampling:
  temperature: 0.5
  max_tokens: 600
  stop: ["END"]
  reasoning: {effort: low, exclude: true}
  chat_template_kwargs: {enable_thinking: off}
  my_option: [1, {a: b}]
judges:
  - name: grade
    model: gpt-4o
    samples: 2
    messages: [{role: user, content: "{{ query }} {{ output }}"}]
    sampling: {max_tokens: 3, temperature: 0, logprobs: yes}
"""
STORED = """
{"name": "before", "study": null, "models": ["gpt-4o", "anthropic/claude-opus-4-8"], "factors":
{"tier": {"free": {"pays": false, "opening": "Hi."}, "yes": {"pays": true, "opening": ""}}},
"queries": {"file": "queries.txt", "column": null, "limit": null}, "samples": 2, "messages":
[{"role": "system", "content": "{{ opening }}{{ pays }}"}, {"role": "user", "content":
"{{ query }}"}, {"role": "assistant", "content": "<"}], "sampling": {"max_tokens": 600,
"temperature": 0.5, "stop": ["END"], "reasoning": {"effort": "low", "exclude": true},
"chat_template_kwargs": {"enable_thinking": false}, "my_option": [1, {"a": "b"}]}, "free_fields":
["my_option"], "judges": [{"name": "grade", "model": "gpt-4o", "samples": 2, "when": "always",
"messages": [{"role": "user", "content": "{{ query }} {{ output }}"}], "sampling": {"max_tokens": 3,
"temperature": 0, "logprobs": true}, "again": 0}], "answer": {"output": "OUTPUT", "reasoning":
"SCRATCHPAD_REASONING", "accept": "<request_fully_accepted/>", "reject": "<rejected/>", "again": 0},
"compare": null, "expect": {}, "providers": {}, "tokenizer": {}}
"""
DIGEST = "226f408f58db19d2be0d4cf339701f7aec456852f5d1fd5a6505d2865a10013a"
FIRST, LAST = "0085c484536d6e9465f1ef7b", "74138a59957676bdb921b7e7"
VERDICTS = ["v8e3a418801c22a1e3315f61", "vcef8c3ae6291a8bd09c3adc"]
BUILT_IN = "7b5692298801b740ac860e0c5d43a27cd9798533afa69128a8085e338850bcec"


class Everything:
    """All ids that there may be in a ledger of before."""

    def __contains__(self, _id: object) -> bool:
        return True


def ids_of_before(builder: RequestBuilder) -> list[str]:
    return list(builder.find_ids_of_before(Everything()).values())


def check_ids(builder: RequestBuilder) -> None:
    before = ids_of_before(builder)
    assert (len(before), before[0], before[-1]) == (16, FIRST, LAST)
    assert hashlib.sha256("".join(before).encode()).hexdigest() == DIGEST
    assert builder.digest_as_before() == DIGEST
    builder.keep_ids_of_before(builder.find_ids_of_before({FIRST, LAST, "of another plan"}))
    requests = list(builder.all_subject_requests())
    assert [each.id for each in requests if not each.id.startswith("s")] == [FIRST, LAST]
    assert (requests[0].id, requests[-1].id) == (FIRST, LAST)
    answer = text_answer("o", "r", accepted=True)
    assert [each.id for each in builder.build_judge_requests(requests[0], answer)] == VERDICTS


def test_requests_and_verdicts_keep_their_ids(read):
    check_ids(RequestBuilder(read(BEFORE), lambda *_: True))


def test_a_run_folder_of_before_gives_the_same_requests(made):
    stored = json.loads(STORED.replace("\n", " "))
    spec = read_stored_spec(stored)
    check_ids(RequestBuilder(replace(made().experiment, spec=spec), lambda *_: True))
    del stored["free_fields"]
    rules = {
        "refused": "refusal",
        "filtered": "missing",
        "truncated": "missing",
        "empty": "missing",
        "turns": 1,
        "go_on": None,
    }
    newer = {"measure": None, "answer": stored["answer"] | rules}
    assert spec.to_stored() == stored | newer


def test_requests_of_the_built_in_experiment_keep_their_ids():
    experiment = load_experiment(BUILTIN_SOURCE, Overrides(max_tokens=700))
    builder = RequestBuilder(experiment, lambda *_: True)
    assert (len(ids_of_before(builder)), builder.digest_as_before()) == (240, BUILT_IN)


def test_a_model_that_has_sampling_of_its_own_leaves_the_ids_of_the_others_alone(read):
    text = BEFORE.replace("[gpt-4o, anth", "[{name: gpt-4o, sampling: {top_p: 1}}, anth")
    builders = (RequestBuilder(read(each), lambda *_: True) for each in (text, BEFORE))
    now, before = map(ids_of_before, builders)
    assert now[8:] == before[8:]
    assert not set(now[:8]) & set(before)
