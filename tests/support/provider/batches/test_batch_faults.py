"""Each fault of batches does what it says, and the bill has what was done."""

import http.client
import json
from collections import Counter

import pytest

from tests.support.http_client import ask, post
from tests.support.provider.batches.batch_behaviour import BatchBehaviour, BatchFault
from tests.support.provider.batches.plain_client import (
    CLIENTS,
    create_of_file,
    upload,
    upload_to_google,
    write_input,
)
from tests.support.provider.behaviour import Behaviour
from tests.support.provider.server import run_provider

IDS = ["a-1", "a-2", "a-3", "a-4"]
FORMS = ["openai", "anthropic", "openrouter", "google"]
NO_ANSWER = (http.client.HTTPException, OSError)


@pytest.fixture(scope="module")
def server():
    with run_provider() as provider:
        yield provider


@pytest.fixture
def behave(server):
    def start(*kinds, **fields):
        faults = tuple(BatchFault(kind, calls=(1,), **fields) for kind in kinds)
        server.reset(Behaviour(batches=BatchBehaviour(faults=faults)))
        return server

    return start


@pytest.mark.parametrize("form", FORMS)
def test_a_create_whose_answer_is_lost_has_made_a_batch_that_lists_show(behave, form):
    provider, client = behave("create_lost"), CLIENTS[form]
    with pytest.raises(NO_ANSWER):
        client.send(provider.url, IDS)
    told = ask("GET", provider.url + client.poll_path).json
    (found,) = told.get("data") or told["operations"]
    rows = client.collect(provider.url, client.read_id(found))
    assert [client.name(each) for each in rows] == IDS
    assert (provider.creates(), len(provider.bill().billed)) == (1, 4)


@pytest.mark.parametrize(
    ("kind", "status", "made"),
    [
        ("create_402", 402, 0),
        ("create_429", 429, 0),
        ("create_500", 500, 0),
        ("create_lost_500", 500, 1),
    ],
)
def test_creates_that_are_answered_with_an_error(behave, kind, status, made):
    for form in FORMS:
        provider = behave(kind)
        refused = CLIENTS[form].send(provider.url, IDS)
        assert (refused.status, len(provider.batches())) == (status, made)
        assert ("Retry-After" in refused.headers) == (kind == "create_429")
        assert "error" in refused.json
        CLIENTS[form].create(provider.url, IDS)  # the second create is not struck


def test_creates_that_end_without_a_readable_answer(behave):
    client = CLIENTS["anthropic"]
    provider = behave("create_cut")
    with pytest.raises(NO_ANSWER):
        client.send(provider.url, IDS)
    assert (provider.creates(), provider.batches()) == (1, ())
    provider = behave("create_malformed")
    with pytest.raises(json.JSONDecodeError):
        _ = client.send(provider.url, IDS).json
    assert len(provider.batches()) == 1
    provider = behave("create_stall")
    requests = [{"custom_id": "a", "params": {}}]
    with pytest.raises(TimeoutError):
        post(f"{provider.url}/v1/messages/batches", {"requests": requests}, timeout=0.2)
    assert len(provider.batches()) == 1


@pytest.mark.parametrize(
    ("kind", "stored"), [("upload_cut", 0), ("upload_lost", 1), ("upload_500", 0)]
)
def test_uploads_that_fail_are_stored_or_not(behave, kind, stored):
    for send in (upload, upload_to_google):
        provider = behave(kind)
        if kind == "upload_500":
            assert send(provider.url, write_input(IDS)).status == 500
        else:
            with pytest.raises(NO_ANSWER):
                send(provider.url, write_input(IDS))
        assert provider.uploads() == 1
        assert len(ask("GET", f"{provider.url}/v1/files").json["data"]) == stored


@pytest.mark.parametrize(
    ("form", "told"),
    [
        ("openai", "failed"),
        ("openrouter", "failed"),
        ("google", "BATCH_STATE_FAILED"),
        ("anthropic", "ended"),
    ],
)
def test_a_batch_that_is_refused_when_validated_is_not_billed(behave, form, told):
    provider, client = behave("invalid"), CLIENTS[form]
    batch = client.wait(provider.url, client.create(provider.url, IDS))
    assert told in json.dumps(batch)
    assert not provider.bill().billed
    if form == "anthropic":
        assert batch["request_counts"]["errored"] == 4


def test_too_many_tokens_fail_a_batch_or_its_create(behave):
    for form in ("openai", "openrouter"):
        provider, client = behave("token_limit"), CLIENTS[form]
        batch = client.wait(provider.url, client.create(provider.url, IDS))
        assert batch["status"] == "failed"
        assert "token limit" in json.dumps(batch)
    for form in ("google", "anthropic"):
        assert CLIENTS[form].send(behave("token_limit").url, IDS).status == 429


@pytest.mark.parametrize("kind", ["expired", "cancelled"])
@pytest.mark.parametrize("form", FORMS)
def test_what_was_done_in_time_is_billed_and_told(behave, form, kind):
    provider, client = behave(kind, share=0.25), CLIENTS[form]
    told = client.wait(provider.url, client.create(provider.url, IDS))
    rows = [json.loads(each) for each in client.read(provider.url, told)]
    assert [call.custom_id for call in provider.bill().billed] == IDS[:3]
    if form == "google":
        assert (rows, told["metadata"]["state"]) == ([], f"BATCH_STATE_{kind.upper()}")
    else:
        assert [client.name(each) for each in rows] == IDS
        undone = {"anthropic": kind.replace("ll", "l")}.get(form, f"batch_{kind}")
        assert [undone in json.dumps(each) for each in rows] == [False] * 3 + [True]


def test_openais_form_has_no_output_where_every_line_failed(behave):
    provider, client = behave("all_failed"), CLIENTS["openai"]
    told = client.wait(provider.url, client.create(provider.url, IDS))
    assert (told["status"], told["output_file_id"]) == ("completed", None)
    assert told["request_counts"] == {"total": 4, "completed": 0, "failed": 4}
    rows = [json.loads(each) for each in client.read(provider.url, told)]
    assert [each["response"]["status_code"] for each in rows] == [500] * 4
    assert not provider.bill().billed


@pytest.mark.parametrize("form", FORMS)
def test_a_share_of_the_lines_fails(behave, form):
    provider, client = behave("some_failed"), CLIENTS[form]
    rows = client.collect(provider.url, client.create(provider.url, IDS))
    assert len(rows) == 4
    assert [call.custom_id for call in provider.bill().billed] == IDS[2:]


def test_states_go_back_and_no_line_is_done_twice(behave):
    provider, client = behave("goes_back"), CLIENTS["openai"]
    batch = client.create(provider.url, IDS)
    states = [client.poll(provider.url, batch).json["status"] for _ in range(7)]
    on = ["validating", "in_progress"]
    assert states == [*on, *on, "completed", "in_progress", "completed"]
    assert len(provider.bill().calls) == 4


def test_a_list_shows_a_batch_late(behave):
    provider, client = behave("listed_late", times=2), CLIENTS["anthropic"]
    batch = client.create(provider.url, IDS)
    listed = [ask("GET", provider.url + client.poll_path).json["data"] for _ in range(3)]
    assert [len(each) for each in listed] == [0, 0, 1]
    assert client.poll(provider.url, batch).status == 200


def test_polls_that_fail_bring_nothing_on(behave):
    for kind, status in (("poll_404", 404), ("poll_429", 429), ("poll_500", 500)):
        provider, client = behave(kind, times=2), CLIENTS["openai"]
        batch = client.create(provider.url, IDS)
        assert [client.poll(provider.url, batch).status for _ in range(3)] == [status, status, 200]
        assert provider.batches()[0].polls == 1


@pytest.mark.parametrize("form", FORMS)
def test_results_that_break_off_once_come_whole_the_next_time(behave, form):
    provider, client = behave("results_cut"), CLIENTS[form]
    batch = client.create(provider.url, IDS)
    with pytest.raises(http.client.IncompleteRead):
        client.collect(provider.url, batch)
    assert not provider.bill().delivered
    assert len(client.collect(provider.url, batch)) == 4
    assert len(provider.bill().delivered) == 4


def test_results_that_are_refused_or_short_always(behave):
    client = CLIENTS["anthropic"]
    for kind, status in (("results_404", 404), ("results_500", 500), ("results_short", 200)):
        provider = behave(kind, times=0)
        told = client.wait(provider.url, client.create(provider.url, IDS))
        replies = [ask("GET", told["results_url"]) for _ in range(3)]
        assert [each.status for each in replies] == [status] * 3
        assert all(len(each.text.splitlines()) < 4 for each in replies)
        assert (len(provider.bill().billed), len(provider.bill().delivered)) == (4, 0)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("kind", "counts"),
    [
        ("duplicated", [2, 2, 1, 1]),
        ("missing", [0, 0, 1, 1]),
        ("unsorted", [1, 1, 1, 1]),
    ],
)
def test_lines_that_come_twice_or_not_or_in_another_order(behave, form, kind, counts):
    provider, client = behave(kind), CLIENTS[form]
    rows = client.collect(provider.url, client.create(provider.url, IDS))
    names = [client.name(each) for each in rows]
    assert [Counter(names)[each] for each in IDS] == counts
    assert (names == sorted(names)) == (kind == "missing")
    assert len(provider.bill().billed) == 4


def test_lines_of_others_and_lines_that_break_off(behave):
    provider, client = behave("unknown_ids", "not_json"), CLIENTS["anthropic"]
    told = client.wait(provider.url, client.create(provider.url, IDS))
    lines = client.read(provider.url, told)
    broken, whole, others = lines[:2], lines[2:4], lines[4:]
    assert all(not each.endswith("}") for each in broken)
    assert [client.name(json.loads(each)) for each in whole] == IDS[2:]
    assert [f'"not-{name}"' in each for name, each in zip(IDS, others, strict=False)] == [True] * 2
    assert [call.custom_id for call in provider.bill().delivered] == IDS[2:]


def test_a_fault_may_strike_one_model_or_by_chance(server):
    faults = (BatchFault("all_failed", probability=0.5), BatchFault("expired", (1,), model="x"))
    server.reset(Behaviour(batches=BatchBehaviour(faults=faults)))
    for _ in range(20):
        CLIENTS["openrouter"].create(server.url, ["a"])
    server.finish_batches()
    assert {each.end for each in server.batches()} == {"completed"}
    assert 3 <= len(server.bill().billed) <= 17


def test_a_file_may_be_used_again_and_a_batch_found_by_it(behave):
    provider = behave("create_lost")
    file = upload(provider.url, write_input(IDS)).json["id"]
    with pytest.raises(NO_ANSWER):
        create_of_file(provider.url, file, metadata={"chunk": "c-1"})
    (found,) = ask("GET", f"{provider.url}/v1/batches").json["data"]
    assert (found["input_file_id"], found["metadata"]) == (file, {"chunk": "c-1"})
    assert create_of_file(provider.url, file).json["id"] != found["id"]
