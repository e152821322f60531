"""Requests: the same request is the same id anywhere, and work stays balanced wherever it ends."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiment.errors import BadTemplate
from experiment.prompts.request import Message
from experiment.scoring.completion import Completion
from tests.experiment.text_answers import text_answer

MESSAGES = [
    {"role": "system", "content": "{{ file('system.md') }}"},
    {"role": "user", "content": "{{ query }} {{ pays }}"},
]
JUDGE = {
    "name": "grade",
    "model": "gpt-5",
    "messages": [{"role": "user", "content": "{{ query }}|{{ output }}|{{ reasoning }}"}],
    "sampling": {"max_tokens": 3},
}
ANSWER = text_answer("said", "thought", accepted=True)


def ids(requests) -> list[str]:
    return [request.id for request in requests.all_subject_requests()]


def judged(requests, answer=ANSWER):
    return list(requests.build_judge_requests(next(requests.all_subject_requests()), answer))


def test_ids_are_the_same_in_another_instance_and_another_folder(made, tmp_path):
    for name in ("here", "there"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "system.md").write_text("Be kind.")
    here, again = (made(tmp_path / "here", messages=MESSAGES) for _ in range(2))
    assert ids(here) == ids(again) == ids(made(tmp_path / "there", messages=MESSAGES))


def test_ids_change_with_the_text_of_an_inserted_file(made, tmp_path):
    (tmp_path / "system.md").write_text("Be kind.")
    before = ids(made(tmp_path, messages=MESSAGES))
    (tmp_path / "system.md").write_text("Be kind. ")
    assert not set(before) & set(ids(made(tmp_path, messages=MESSAGES)))


@pytest.mark.parametrize(
    "changed",
    [
        {"models": ["gpt-5"]},
        {"queries": ("one ", "two\n")},
        {"messages": [{"role": "system", "content": "{{ query }} {{ pays }}"}]},
        {"messages": [{"role": "user", "content": "{{ query }}, {{ pays }}"}]},
        {"sampling": {"max_tokens": 11}},
        {"sampling": {"max_tokens": 10, "temperature": 0}},
        {"factors": {"tier": {"free": {"pays": "No"}, "paid": {"pays": "Yes"}}}},
        {"takes_prefill": False},
    ],
)
def test_every_id_changes_with_anything_that_is_sent(changed, made):
    assert not set(ids(made())) & set(ids(made(**changed)))


def test_what_is_not_sent_changes_no_id(made):
    assert ids(made()) == ids(made(name="other", compare="tier", judges=[JUDGE]))
    renamed = {"tier": {"gratis": {"pays": "no"}, "sold": {"pays": "yes"}}}
    assert ids(made()) == ids(made(factors=renamed))


def test_every_sample_query_and_condition_has_an_id_of_its_own_though_the_text_is_the_same(made):
    messages = [{"role": "user", "content": "same"}]
    requests = made(queries=("same", "same"), samples=3, messages=messages)
    assert len(set(ids(requests))) == 2 * 2 * 3


def test_every_vote_has_an_id_of_its_own_and_names_its_subject(made):
    requests = made(judges=[JUDGE | {"samples": 3}, JUDGE | {"name": "other"}])
    votes = judged(requests)
    assert [(each.stage, each.vote) for each in votes] == [
        ("grade", 0), ("grade", 1), ("grade", 2), ("other", 0),
    ]  # fmt: skip
    assert len({each.id for each in votes}) == 4
    assert {each.subject for each in votes} == {next(requests.all_subject_requests()).id}


def test_a_vote_on_another_answer_has_another_id(made):
    requests = made(judges=[JUDGE])
    other = text_answer("said more", "thought", accepted=True)
    assert judged(requests)[0].id != judged(requests, other)[0].id


def test_subjects_come_by_model_condition_query_and_sample(made):
    requests = made(models=["a", "b"], samples=2)
    places = [(r.model, r.condition, r.query, r.sample) for r in requests.all_subject_requests()]
    assert places == sorted(places)
    assert len(places) == len(set(places)) == 2 * 2 * 2 * 2


@given(
    st.text(),
    st.integers(1, 3),
    st.integers(1, 3),
    st.integers(1, 6),
    st.integers(1, 3),
)
def test_wherever_work_ends_no_two_cells_differ_by_more_than_one_request(
    made, seed, models, levels, queries, samples
):
    requests = made(
        models=[f"m{n}" for n in range(models)],
        factors={"f": {f"l{n}": {"pays": n} for n in range(levels)}},
        queries=[f"q{n}" for n in range(queries)],
        samples=samples,
    )
    done = Counter({(model, condition.name): 0 for model, condition in requests.cells})
    first_samples = 0
    for request in requests.in_work_order(seed):
        done[request.model, request.condition] += 1
        assert max(done.values()) - min(done.values()) <= 1
        assert request.sample == 0 or first_samples == len(done) * queries
        first_samples += request.sample == 0
    assert sum(done.values()) == models * levels * queries * samples


@given(st.text())
def test_the_order_of_work_is_a_permutation_of_all_subjects(made, seed):
    requests = made(queries=list("abcde"), samples=2)
    assert sorted(each.id for each in requests.in_work_order(seed)) == sorted(ids(requests))


def test_the_order_of_work_is_drawn_from_the_seed_alone(made):
    requests = made(queries=[str(n) for n in range(30)])
    first, again, other = ([r.id for r in requests.in_work_order(s)] for s in ("a", "a", "b"))
    assert first == again
    assert first != other


def test_a_prefill_is_sent_where_it_is_taken_and_left_out_where_it_is_not(made):
    taken, left = (
        next(made(takes_prefill=takes).all_subject_requests()) for takes in (True, False)
    )
    assert taken.messages == (Message("user", "one no"), Message("assistant", "<"))
    assert left.messages == (Message("user", "one no"),)
    assert (taken.prefill, left.prefill) == ("<", "")


def test_an_example_answer_before_the_end_is_no_prefill_and_stays(made):
    messages = [
        {"role": "assistant", "content": "Hello"},
        {"role": "user", "content": "{{ query }}"},
    ]
    request = next(made(takes_prefill=False, messages=messages).all_subject_requests())
    assert [role for role, _ in request.messages] == ["assistant", "user"]
    assert request.prefill == ""


@pytest.mark.parametrize("content", ["<", "{{ '' }}"])
def test_a_request_with_nothing_to_send_is_refused(content, made):
    messages = [{"role": "assistant", "content": content}]
    with pytest.raises(BadTemplate, match="no message is left to send to gpt-4o"):
        next(made(takes_prefill=False, messages=messages).all_subject_requests())


def test_an_answer_is_read_with_the_prefill_from_which_it_went_on(made):
    messages = [{"role": "user", "content": "x"}, {"role": "assistant", "content": "<OUTPUT>"}]
    requests = made(messages=messages)
    answer = requests.read_subject_answer(
        next(requests.all_subject_requests()), Completion("<rejected/></OUTPUT>")
    )
    assert answer == text_answer("<rejected/>", "", accepted=False)


def test_a_judge_reads_the_query_and_both_parts_of_the_answer(made):
    (vote,) = judged(made(judges=[JUDGE]))
    assert vote.messages == (Message("user", "one|said|thought"),)
    assert (vote.model, vote.sampling, vote.max_tokens) == ("gpt-5", {"max_tokens": 3}, 3)


def test_a_judge_of_an_answer_that_is_not_known_yet_reads_an_empty_one(made):
    (vote,) = judged(made(judges=[JUDGE | {"when": "accepted"}]), None)
    assert vote.messages == (Message("user", "one||"),)


@pytest.mark.parametrize(
    ("when", "read"),
    [
        ("always", ["accepted", "refused", "neither"]),
        ("answered", ["accepted", "refused", "neither"]),
        ("not-refused", ["accepted", "neither"]),
        ("accepted", ["accepted"]),
    ],
)
def test_a_judge_reads_the_answers_that_its_when_names_and_no_others(when, read, made):
    answers = {
        "accepted": ANSWER,
        "refused": text_answer("no", "", accepted=False),
        "neither": text_answer("hm", "", accepted=None),
        "empty": text_answer("", "thought", accepted=None),
    }
    requests = made(judges=[JUDGE | {"when": when}])
    assert [name for name, answer in answers.items() if judged(requests, answer)] == read


def test_an_empty_prefill_is_no_turn_and_ids_of_before_are_found(made):
    """They are those of before, when an empty turn was sent, so nothing is paid for again."""
    messages = [
        {"role": "user", "content": "{{ query }}"},
        {"role": "assistant", "content": "{{ start }}"},
    ]
    levels = {"how": {"led": {"start": "<"}, "free": {"start": ""}}}
    judge = {
        "name": "j",
        "model": "gpt-4o",
        "messages": [{"role": "user", "content": "Q"}, messages[1]],
        "sampling": {"max_tokens": 5},
    }
    fields = {"messages": messages, "factors": levels, "judges": [judge]}
    requests = made(queries=["one"], **fields)
    led, free = requests.all_subject_requests()
    assert led.messages == (Message("user", "one"), Message("assistant", "<"))
    assert (free.messages, free.prefill) == ((Message("user", "one"),), "")
    (verdict,) = requests.build_judge_requests(free, None)
    assert verdict.messages == (Message("user", "Q"),)
    before = ("e7931a8b55560577872f3786", "492e986e14e619643756687e")
    assert requests.find_ids_of_before(before) == {led.id: before[0], free.id: before[1]}
