"""A request is sent again only so often, whatever comes back for it."""

from dataclasses import replace

from experiment.scoring import Completion
from providers.apis import find_api
from providers.capabilities import find_capability
from providers.failures import FailureMeaning
from providers.registry import load_providers
from providers.reply import build_filtered_response
from runner.execution.retry import RetryPolicy, RetryState
from runner.transport.outcome import Answered
from runner.transport.sender import classify_body
from tests.runner import sample_experiment as labs

NOTHING = (
    b'{"id": "g", "model": "m", "choices": [{"message": {"role": "assistant", "content": ""}, '
    b'"finish_reason": "null"}], "usage": {"prompt_tokens": 9, "completion_tokens": 0, "cost": 0}}'
)


def test_an_answer_that_is_none_is_asked_for_again_only_as_often_as_what_may_be_billed():
    response = replace(build_filtered_response(""), finish="null")
    failure = labs.failure("nothing came", FailureMeaning.SERVER, retries=True)
    state = RetryState(RetryPolicy(max_held=2))
    for sent in (1, 2):
        state.record(Answered(response, failure=failure), model_answers=5 * sent)
        assert state.exhausted == (sent == 2)


def test_an_answer_that_is_free_because_nothing_came_is_kept_as_none():
    provider = load_providers({})["openrouter"]
    capability = find_capability(provider, "openai/gpt-4o")
    outcome = classify_body(provider, find_api(provider, capability), None, 200, {}, NOTHING)
    assert isinstance(outcome, Answered)
    assert outcome.failure is not None
    assert Completion("", outcome.response.finish).has_failed
