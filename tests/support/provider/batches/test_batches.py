"""The provider takes batches in each form, brings them on by polls, and bills them by line."""

import json
from decimal import Decimal

import pytest

from tests.support.http_client import ask, post
from tests.support.provider.batches.batch_behaviour import BatchBehaviour, BatchFault
from tests.support.provider.batches.plain_client import (
    CLIENTS,
    MODEL,
    chat,
    create_in_google,
    create_of_file,
    generate,
    upload,
    upload_to_google,
    write_input,
)
from tests.support.provider.behaviour import Behaviour, Fault
from tests.support.provider.server import run_provider

IDS = ["a-1", "a-2", "a-3", "a-4"]
LISTED_OTHERWISE = ("together", "mistral")
FORMS = pytest.mark.parametrize("form", CLIENTS)


@pytest.fixture(scope="module")
def server():
    with run_provider() as provider:
        yield provider


@pytest.fixture
def provider(server):
    server.reset(Behaviour(input_tokens=40, output_tokens=20))
    return server


def behave(provider, *faults, lines=(), **batches):
    batches = BatchBehaviour(faults=faults, **batches)
    provider.reset(Behaviour(input_tokens=40, output_tokens=20, faults=lines, batches=batches))


def usage_of(row):
    """Return what a result says of input and output, wherever its form puts it."""
    body = row.get("response") or row.get("result", {}).get("message") or {}
    body = body.get("body", body)
    told = body.get("usage") or body.get("usageMetadata") or {}
    names = {"prompt_tokens", "input_tokens", "promptTokenCount"}
    return next((told[name] for name in names if name in told), None)


@FORMS
def test_a_batch_comes_on_by_polls_and_is_billed_by_line_at_half_the_price(provider, form):
    client = CLIENTS[form]
    batch = client.create(provider.url, IDS)
    assert [client.ended(client.poll(provider.url, batch).json) for _ in range(3)] == [0, 0, 1]
    results = client.collect(provider.url, batch)
    assert [client.name(each) for each in results] == IDS
    assert [usage_of(each) for each in results] == [40] * 4
    calls = provider.bill().delivered
    assert [(call.custom_id, call.batch) for call in calls] == [(each, batch) for each in IDS]
    post(f"{provider.url}/v1/chat/completions", chat("beside"))
    assert provider.bill().cost({MODEL: ("1", "2")}) == Decimal("0.00024")  # 80e-6 x (4/2 + 1)
    (account,) = provider.batches()
    assert (account.custom_ids, account.end, account.done) == (tuple(IDS), "completed", 4)


def test_the_words_of_each_state(provider):
    behave(provider, finalizing=1)
    told = {"openai": [], "anthropic": [], "openrouter": [], "google": []}
    for form, states in told.items():
        batch = CLIENTS[form].create(provider.url, IDS)
        for _ in range(4):
            batch_told = CLIENTS[form].poll(provider.url, batch).json
            metadata = batch_told.get("metadata") or {}
            words = (batch_told.get("status"), batch_told.get("processing_status"))
            states.append(next(filter(None, words), None) or metadata["state"])
    states = ["validating", "in_progress", "finalizing", "completed"]
    assert told["openai"] == told["openrouter"] == states
    assert told["anthropic"] == ["in_progress"] * 3 + ["ended"]
    google = ["PENDING", "RUNNING", "RUNNING", "SUCCEEDED"]
    assert told["google"] == [f"BATCH_STATE_{each}" for each in google]


@pytest.mark.parametrize("form", [each for each in CLIENTS if each not in LISTED_OTHERWISE])
def test_batches_are_listed_newest_first_in_pages(provider, form):
    client = CLIENTS[form]
    made = [client.create(provider.url, [each]) for each in IDS[:3]]
    size, after = {"anthropic": ("limit", "after_id")}.get(form, ("limit", "after"))
    if form.startswith("google"):
        size, after = "pageSize", "pageToken"
    url = f"{provider.url}{client.poll_path}?{size}=2"
    first = ask("GET", url).json
    page = first.get("data") or first["operations"]
    assert [client.read_id(each) for each in page] == [made[2], made[1]]
    assert first.get("has_more", bool(first.get("nextPageToken")))
    rest = ask("GET", f"{url}&{after}={made[1]}").json
    assert [client.read_id(each) for each in rest.get("data") or rest["operations"]] == [made[0]]
    assert all(each.polls == 0 for each in provider.batches())  # a list brings nothing on


def test_together_lists_all_batches_and_mistral_numbers_its_pages(provider):
    made = [CLIENTS["together"].create(provider.url, ["a"]) for _ in range(25)]
    listed = ask("GET", f"{provider.url}/together/v1/batches").json
    assert [each["id"] for each in listed] == made[::-1]
    jobs = [CLIENTS["mistral"].create(provider.url, ["a"]) for _ in range(3)]
    url = f"{provider.url}/v1/batch/jobs?page_size=2&page="
    pages = [[each["id"] for each in ask("GET", f"{url}{n}").json["data"]] for n in range(3)]
    assert pages == [[jobs[2], jobs[1]], [jobs[0]], []]


@pytest.mark.parametrize("form", ["openai", "anthropic", "google"])
def test_a_cancelled_batch_bills_what_it_had_done(provider, form):
    behave(provider, working=2)
    client = CLIENTS[form]
    batch = client.create(provider.url, IDS)
    client.poll(provider.url, batch)
    client.poll(provider.url, batch)
    ending = ":cancel" if form == "google" else "/cancel"
    assert post(f"{provider.url}{client.poll_path}/{batch}{ending}", {}).status == 200
    results = client.collect(provider.url, batch)
    assert len(results) == (0 if form == "google" else 4)
    assert [call.custom_id for call in provider.bill().billed] == IDS[:2]
    undone = {"openai": "batch_cancelled", "anthropic": "canceled"}.get(form, "CANCELLED")
    assert undone in (json.dumps(results) + client.poll(provider.url, batch).text)


def test_batches_that_no_client_polls_are_billed_once_they_are_finished(provider):
    for form in ("openai", "anthropic", "google", "openrouter"):
        CLIENTS[form].create(provider.url, IDS)
    assert not provider.bill().billed
    provider.finish_batches()
    assert len(provider.bill().billed) == 16
    assert not provider.bill().delivered
    provider.finish_batches()
    assert len(provider.bill().billed) == 16


def test_a_wrong_key_and_unknown_ids_are_refused(provider):
    provider.reset(Behaviour(api_key="right"))
    assert ask("GET", f"{provider.url}/v1/batches").status == 401
    right = {"Authorization": "Bearer right"}
    assert ask("GET", f"{provider.url}/v1/batches", headers=right).status == 200
    assert ask("GET", f"{provider.url}/v1/batches/batch_9", headers=right).status == 404
    right = {"x-api-key": "right"}
    assert ask("GET", f"{provider.url}/v1/messages/batches/batch_9", headers=right).status == 404


GOOD = json.loads(write_input(["a"]))


@pytest.mark.parametrize(
    ("code", "rows"),
    [
        ("empty_file", []),
        ("invalid_json_line", [GOOD, "not JSON"]),
        ("duplicate_custom_id", [GOOD, GOOD]),
        ("url_mismatch", [GOOD | {"url": "/v1/responses"}]),
        ("model_mismatch", [GOOD, GOOD | {"custom_id": "b", "body": chat("b", "other")}]),
        ("missing_required_parameter", [GOOD | {"custom_id": None}]),
        ("too_many_tasks", [{}] * 50_001),
    ],
)
def test_openais_form_accepts_a_bad_file_and_fails_the_batch_later(provider, code, rows):
    text = "\n".join(each if isinstance(each, str) else json.dumps(each) for each in rows)
    batch = create_of_file(provider.url, upload(provider.url, text).json["id"]).json
    assert (batch["status"], batch["errors"]) == ("validating", None)
    told = CLIENTS["openai"].wait(provider.url, batch["id"])
    assert (told["status"], told["errors"]["data"][0]["code"]) == ("failed", code)
    assert told["request_counts"] is told["output_file_id"] is told["error_file_id"] is None
    assert not provider.bill().calls


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"endpoint": "/v1/nothing"}, "endpoint"),
        ({"completion_window": "7d"}, "completion_window"),
        ({"input_file_id": "file-9"}, "No such File"),
        ({"metadata": {str(number): "x" for number in range(17)}}, "metadata"),
        ({"metadata": {"long": "x" * 513}}, "metadata"),
        ({"display_name": "x"}, "Unknown parameter"),
    ],
)
def test_openais_form_refuses_a_bad_create_at_once(provider, fields, why):
    file = upload(provider.url, write_input(IDS)).json["id"]
    refused = create_of_file(provider.url, file, **fields)
    assert (refused.status, provider.batches()) == (400, ())
    assert why in refused.json["error"]["message"]


def test_files_have_purposes_that_are_known(provider):
    text, url = write_input(IDS), provider.url
    assert upload(url, text, "batches").status == 400
    assert upload(url, text, "fine-tune", "/openai/v1").status == 400
    named = {"prefix": "/together/v1", "path": "/files/upload", "purpose": "batch-api"}
    assert "file_name" in upload(url, text, **named).text
    named |= {"purpose": "batch", "file_name": "in.jsonl"}
    assert "not one of" in upload(url, text, **named).text
    other = upload(url, text, "fine-tune").json["id"]
    assert "another purpose" in create_of_file(url, other).text


def test_mistrals_form_refuses_a_bad_job(provider):
    file = upload(provider.url, write_input(IDS)).json["id"]
    job = {"input_files": [file], "model": MODEL, "endpoint": "/v1/chat/completions"}
    for fields in ({"timeout_hours": "24"}, {"completion_window": "24h"}, {"endpoint": "/v1/x"}):
        assert post(f"{provider.url}/v1/batch/jobs", job | fields).status == 400
    assert post(f"{provider.url}/v1/batch/jobs", job | {"timeout_hours": 48}).status == 200


def test_groq_and_deepinfra_have_addresses_and_windows_of_their_own(provider):
    for prefix, window in (("/openai/v1", "7d"), ("/v1/openai", "24h")):
        file = upload(provider.url, write_input(IDS), prefix=prefix).json["id"]
        made = create_of_file(provider.url, file, prefix, completion_window=window).json
        told = ask("GET", f"{provider.url}{prefix}/batches/{made['id']}").json
        assert told["completion_window"] == window
        assert ask("GET", f"{provider.url}/v1/batches/{made['id']}").status == 404
    assert post(f"{provider.url}/openai/v1/chat/completions", chat("a")).status == 200


def test_anthropics_form_refuses_bad_ids_at_once_and_bad_parameters_by_line(provider):
    url = f"{provider.url}/v1/messages/batches"
    for ids in ([], ["a", "a"], ["with space"], ["x" * 65]):
        requests = [{"custom_id": each, "params": chat(each)} for each in ids]
        assert post(url, {"requests": requests}).status == 400
    unknown = {"custom_id": "a", "params": chat("a"), "metadata": {}}
    assert "metadata" in post(url, {"requests": [unknown]}).text
    untold = {"model": MODEL, "messages": chat("a")["messages"]}
    params = [untold, chat("a") | {"stream": True}, chat("a") | {"max_tokens": 0}]
    bad = [{"custom_id": f"bad-{n}", "params": each} for n, each in enumerate(params)]
    good = {"custom_id": "good", "params": chat("good", "other-model")}
    client = CLIENTS["anthropic"]
    rows = client.collect(provider.url, post(url, {"requests": [*bad, good]}).json["id"])
    assert [each["result"]["type"] for each in rows] == ["errored"] * 3 + ["succeeded"]
    assert rows[0]["result"]["error"]["error"]["type"] == "invalid_request_error"
    billed = provider.bill().billed
    assert [(call.custom_id, call.model) for call in billed] == [("good", "other-model")]


def test_openrouters_form_reads_a_create_in_its_order(provider):
    url = f"{provider.url}/api/v1/batches"
    requests = [{"custom_id": "a", "body": chat("a")}]
    head = {"endpoint": "/v1/chat/completions", "model": MODEL}
    assert post(url, {"requests": requests} | head).status == 400
    assert post(url, head | {"requests": requests * 2}).status == 400
    assert post(url, head | {"requests": requests, "metadata": {}}).status == 400
    bodies = (
        chat("a", "other"),
        chat("a") | {"plugins": [{"id": "web"}]},
        chat("a") | {"modalities": ["image"]},
    )
    for body in bodies:
        other = [{"custom_id": "a", "body": body}]
        assert post(url, head | {"requests": other}).status == 400
    for field in ({"provider": {"sort": "price"}}, {"completion_window": "1h"}):
        assert post(url, head | field | {"requests": requests}).status == 400
    assert post(url, head | {"requests": requests}).status == 202


def test_googles_form_refuses_what_it_does_not_know(provider):
    rows = {"requests": [{"request": generate("a")}]}
    assert create_in_google(provider.url, {"requests": rows}, name="").status == 400
    assert create_in_google(provider.url, {"fileName": "files/9"}).status == 404
    assert create_in_google(provider.url, {}).status == 400
    unknown = {"batch": {"displayName": "a", "dest": "b", "inputConfig": {"requests": rows}}}
    path = f"/v1beta/models/{MODEL}:batchGenerateContent"
    assert "dest" in post(provider.url + path, unknown).text
    row = {"request": generate("a") | {"generationConfig": {"maxTokens": 9}}}
    assert "maxTokens" in create_in_google(provider.url, {"requests": {"requests": [row]}}).text


@pytest.mark.parametrize("text", ["not JSON", '{"key": "a", "request": {"prompt": "b"}}', ""])
def test_googles_form_accepts_a_bad_file_and_fails_the_batch_later(provider, text):
    name = upload_to_google(provider.url, text).json["file"]["name"]
    created = create_in_google(provider.url, {"fileName": name})
    assert created.status == 200
    told = CLIENTS["google, a file"].wait(provider.url, created.json["name"].partition("/")[2])
    assert told["metadata"]["state"] == "BATCH_STATE_FAILED"
    assert told["error"]["message"]
    assert not provider.bill().calls


def test_faults_of_calls_strike_lines_by_their_numbers(provider):
    kinds = ("halved_usage", "500_before", "stall", "over_max")
    behave(provider, lines=[Fault(kind, calls=(n,)) for n, kind in enumerate(kinds, start=1)])
    client = CLIENTS["anthropic"]
    rows = client.collect(provider.url, client.create(provider.url, IDS))
    hows = [each["result"]["type"] for each in rows]
    assert hows == ["succeeded", "errored", "errored", "succeeded"]
    told = [each["result"]["message"]["usage"]["output_tokens"] for each in (rows[0], rows[3])]
    assert told == [10, 200]
    billed = {call.custom_id: call.output_tokens for call in provider.bill().billed}
    assert billed == {"a-1": 20, "a-4": 200}


def test_a_line_that_stalls_is_billed_where_nobody_says_that_it_is_not(provider):
    behave(provider, lines=[Fault("stall", calls=(1,)), Fault("500_before", calls=(2,))])
    client = CLIENTS["openai"]
    told = client.wait(provider.url, client.create(provider.url, IDS))
    assert told["request_counts"] == {"total": 4, "completed": 2, "failed": 2}
    assert [call.custom_id for call in provider.bill().billed] == ["a-1", "a-3", "a-4"]


def test_a_queue_of_tokens_has_room_again_once_batches_ended(provider):
    behave(provider, enqueued_tokens=200)
    client = CLIENTS["openai"]
    first, second = (client.create(provider.url, IDS) for _ in range(2))
    failed = client.wait(provider.url, second)
    assert failed["errors"]["data"][0]["code"] == "token_limit_exceeded"
    client.wait(provider.url, first)
    assert client.wait(provider.url, client.create(provider.url, IDS))["status"] == "completed"
    assert len(provider.bill().billed) == 8
    google = CLIENTS["google"]
    google.create(provider.url, IDS)
    assert google.send(provider.url, IDS).status == 429


def test_a_behaviour_goes_to_the_servers_process_whole():
    faults = (BatchFault("create_lost", calls=(1, 2)), BatchFault("missing", probability=0.5))
    behaviour = Behaviour(batches=BatchBehaviour(working=3, enqueued_tokens=9, faults=faults))
    assert Behaviour.from_json(behaviour.to_json()) == behaviour
    with pytest.raises(ValueError, match="no fault of batches 'create_lots'"):
        BatchFault("create_lots")
