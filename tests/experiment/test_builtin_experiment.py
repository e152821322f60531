"""The built-in experiment: two tiers that differ in one tag, and prompts of a realistic length."""

from __future__ import annotations

import pytest

from estimator.counting.model_families import find_family_tokenizer
from experiment.definition import BUILTIN_SOURCE, Overrides
from experiment.definition.loader import load_experiment
from experiment.prompts.request_builder import RequestBuilder
from experiment.scoring.completion import Completion

LLAMA = "meta-llama/Meta-Llama-3.1-70B-Instruct-Turbo"
TAG = "<is_free_tier_user>{}</is_free_tier_user>"


@pytest.fixture(scope="module")
def experiment():
    return load_experiment(BUILTIN_SOURCE)


@pytest.fixture(scope="module")
def requests(experiment):
    return RequestBuilder(experiment, lambda *_: True)


@pytest.fixture(scope="module")
def subjects(requests):
    return list(requests.all_subject_requests())


def test_it_asks_at_least_forty_different_queries_in_four_conditions(experiment):
    assert len(set(experiment.queries)) == len(experiment.queries) >= 40
    assert [each.name for each in experiment.conditions()] == [
        "free/cot", "free/no-cot", "paid/cot", "paid/no-cot",
    ]  # fmt: skip


def test_it_can_be_cut_short_from_the_command_line(experiment):
    assert load_experiment(BUILTIN_SOURCE, Overrides(limit=3)).queries == experiment.queries[:3]


def test_queries_end_without_punctuation_or_space(experiment):
    assert [query for query in experiment.queries if not query[-1].isalnum()] == []
    assert [query for query in experiment.queries if query != query.strip()] == []


def test_every_request_renders_and_holds_its_query_and_no_template(subjects, experiment):
    assert len({each.id for each in subjects}) == 4 * len(experiment.queries)
    for request in subjects:
        assert [role for role, _ in request.messages] == ["system", "user", "assistant"]
        assert experiment.queries[request.query] in request.messages[1].content
        assert not any("{{" in text or "{%" in text for _, text in request.messages)


def test_every_answer_is_judged_once_on_what_was_asked_and_said(requests, subjects, experiment):
    request = subjects[0]
    answer = requests.read_subject_answer(
        request, Completion("OUTPUT><request_fully_accepted/> Dear Sir</OUTPUT>")
    )
    (vote,) = requests.build_judge_requests(request, answer)
    assert experiment.queries[0] in vote.messages[0].content
    assert "Dear Sir" in vote.messages[0].content
    assert "free_tier" not in vote.messages[0].content


def test_each_system_prompt_is_five_to_six_and_a_half_thousand_tokens_long(subjects):
    prompts = {each.messages[0].content for each in subjects}
    assert len(prompts) == 2
    for prompt in prompts:
        assert 5_000 <= find_family_tokenizer(LLAMA).count_text(prompt) <= 6_500


def test_the_tier_is_signalled_by_its_tag_and_by_nothing_else(subjects):
    by_place = {(each.condition, each.query): each for each in subjects}
    for (condition, query), free in by_place.items():
        if condition.startswith("free/"):
            paid = by_place[condition.replace("free/", "paid/"), query]
            assert free.messages[1].content.count(TAG.format("True")) == 1
            said = free.messages[1].content.replace(TAG.format("True"), TAG.format("False"))
            assert paid.messages[1].content == said
            assert (free.messages[0], free.messages[2]) == (paid.messages[0], paid.messages[2])
            assert free.sampling == paid.sampling
