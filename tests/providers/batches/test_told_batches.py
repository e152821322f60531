"""What a provider tells of a batch: its state in one word of ours, its counts, and its results."""

from datetime import UTC, datetime

import pytest

from providers.batches import BatchState
from providers.batches.apis import find_batch_api
from providers.errors import MalformedResponse
from providers.registry import builtin_providers
from tests.support.rows import check_each

WORKING, ENDED, FAILED = BatchState


def api(name):
    return find_batch_api(builtin_providers()[name])


def openai(status, **more):
    return {"id": "b1", "status": status, **more}


def mistral(status, **more):
    counts = dict.fromkeys(("total_requests", "succeeded_requests", "failed_requests"), 0)
    return {"id": "b1", "status": status, "errors": [], "input_files": ["f"], **counts, **more}


def anthropic(status, **counts):
    return {"id": "b1", "processing_status": status, "request_counts": counts}


def google(state, **more):
    return {"name": "batches/b1", "metadata": {"state": state, **more}}


DONE = {"request_counts": {"total": 3, "completed": 2, "failed": 1}}
STATES = [
    *[("openai", openai(word), WORKING) for word in ("validating", "in_progress", "finalizing")],
    ("openai", openai("cancelling"), WORKING),
    ("openai", openai("something_new"), WORKING),
    ("openai", openai("completed", **DONE), ENDED),
    ("openai", openai("expired", **DONE), ENDED),
    ("openai", openai("cancelled"), ENDED),
    ("openai", openai("failed"), FAILED),
    ("openai", openai("failed", **DONE), ENDED),  # what it did is billed
    ("openai", openai("failed", error_file_id="file-1"), ENDED),
    ("together", openai("IN_PROGRESS"), WORKING),
    ("together", {"job": openai("COMPLETED"), "warning": "slow"}, ENDED),
    ("together", openai("FAILED", error="bad"), FAILED),
    ("openrouter", openai("validating"), WORKING),
    ("openrouter", openai("completed"), ENDED),
    ("mistral", mistral("QUEUED"), WORKING),
    ("mistral", mistral("CANCELLATION_REQUESTED"), WORKING),
    ("mistral", mistral("SUCCESS"), ENDED),
    ("mistral", mistral("TIMEOUT_EXCEEDED"), ENDED),
    ("mistral", mistral("FAILED"), FAILED),
    ("mistral", mistral("FAILED", succeeded_requests=1), ENDED),
    ("anthropic", anthropic("in_progress", processing=3), WORKING),
    ("anthropic", anthropic("canceling", processing=3), WORKING),
    ("anthropic", anthropic("ended", succeeded=3), ENDED),
    ("google", google("BATCH_STATE_PENDING"), WORKING),
    ("google", google("JOB_STATE_PAUSED"), WORKING),
    ("google", google("BATCH_STATE_SUCCEEDED"), ENDED),
    ("google", google("JOB_STATE_PARTIALLY_SUCCEEDED"), ENDED),
    ("google", google("BATCH_STATE_EXPIRED"), ENDED),
    ("google", google("BATCH_STATE_FAILED"), FAILED),
    ("google", google("BATCH_STATE_FAILED", batchStats={"successfulRequestCount": "2"}), ENDED),
]


def check_state(name, told, state):
    batch = api(name).parse_batch(told)
    assert batch.state is state, batch
    assert batch.status
    word = batch.status.lower()
    assert batch.is_expired == ("expired" in word or "timeout" in word)
    assert batch.is_cancelled == word.endswith("cancelled")
    assert bool(batch.problem) == (state is FAILED)


def test_each_word_is_a_state():
    check_each(STATES, check_state)


def test_openais_batch_is_read_whole():
    told = openai(
        "completed",
        **DONE,
        created_at=1_800_000_000,
        input_file_id="file-in",
        output_file_id="file-out",
        error_file_id="file-err",
        metadata={"afcost_chunk": "afc-1-2", "x": "y"},
    )
    batch = api("openai").parse_batch(told)
    assert (batch.total, batch.succeeded, batch.failed) == (3, 2, 1)
    assert batch.results == ("file-out", "file-err")
    assert batch.created_at == datetime.fromtimestamp(1_800_000_000, UTC)
    assert (batch.file_id, batch.chunk) == ("file-in", "afc-1-2")


def test_where_all_lines_failed_there_is_only_an_error_file():
    told = openai("completed", output_file_id=None, error_file_id="file-err")
    assert api("openai").parse_batch(told).results == ("file-err",)


def test_anthropics_counts_tell_what_became_of_its_lines():
    batch = api("anthropic").parse_batch(
        anthropic("ended", processing=0, succeeded=2, errored=1, canceled=0, expired=4)
    )
    assert (batch.total, batch.succeeded, batch.failed) == (7, 2, 1)
    assert (batch.is_expired, batch.is_cancelled, batch.results) == (True, False, ("b1",))


def test_googles_job_is_read_from_its_operation():
    told = google(
        "BATCH_STATE_SUCCEEDED",
        displayName="afc-1-2",
        createTime="2026-11-28T10:00:00.123456789Z",
        batchStats={"requestCount": "3", "successfulRequestCount": "2", "failedRequestCount": "1"},
        output={"responsesFile": "files/out"},
        inputConfig={"fileName": "files/in"},
    )
    batch = api("google").parse_batch(told)
    assert (batch.id, batch.chunk, batch.file_id) == ("batches/b1", "afc-1-2", "files/in")
    assert (batch.total, batch.succeeded, batch.failed) == (3, 2, 1)
    assert batch.results == ("files/out",)
    assert batch.created_at is not None
    done = {**told, "metadata": {**told["metadata"], "output": None}, "done": True}
    response = {"responsesFile": "files/there"}
    assert api("google").parse_batch(done | {"response": response}).results == ("files/there",)


TOO_MANY = {"code": "token_limit_exceeded", "message": "Enqueued token limit reached"}


@pytest.mark.parametrize(
    ("errors", "is_queue", "said"),
    [
        ({"data": [TOO_MANY]}, True, "token_limit_exceeded: Enqueued token limit reached"),
        ({"data": [{"code": "invalid_json_line", "line": 7}]}, False, "invalid_json_line (line 7)"),
        ({"data": [{"code": "x"}] * 9}, False, "x; x; x and 6 more"),
        (None, False, "does not say why"),
    ],
)
def test_a_batch_that_failed_says_why_in_plain_words(errors, is_queue, said):
    batch = api("openai").parse_batch(openai("failed", errors=errors))
    assert batch.too_many_queued is is_queue
    assert said in batch.problem


ODD = [
    ("openai", None),
    ("openai", []),
    ("openai", {}),
    ("openai", openai("completed", output_file_id="../../v1/models?x=")),
    ("openai", {"id": "b1?x", "status": "completed"}),
    ("openai", {"id": 7, "status": "completed"}),
    ("openai", {"job": 7}),
    ("anthropic", {"id": "b 1"}),
    ("google", {"metadata": {}}),
    ("google", {"name": "batches/..", "metadata": {}}),
    ("mistral", {"status": "SUCCESS"}),
]


def check_odd(name, told):
    with pytest.raises(MalformedResponse):
        api(name).parse_batch(told)


def test_what_is_no_batch_or_leads_elsewhere_is_refused():
    check_each(ODD, check_odd)


HARMLESS = [
    ("openai", openai(None, request_counts=7, created_at="soon", errors=7, metadata=[1])),
    ("openai", openai("completed", request_counts={"total": -1, "completed": True})),
    ("anthropic", {"id": "b1", "request_counts": None, "created_at": 10**40}),
    ("google", {"name": "batches/1", "metadata": {"batchStats": [], "displayName": 7}}),
]


def test_what_is_odd_beside_is_made_harmless():
    check_each(HARMLESS, lambda name, told: api(name).parse_batch(told))


def test_a_page_leads_to_the_next():
    page = {"data": [openai("completed"), openai("failed") | {"id": "b2"}], "has_more": True}
    read = api("openai").parse_page(page)
    assert ([each.id for each in read.batches], read.cursor) == (["b1", "b2"], "b2")
    assert api("openai").parse_page({**page, "has_more": False}).cursor == ""
    assert api("together").parse_page([openai("COMPLETED")]).cursor == ""
    assert api("google").parse_page({}).batches == ()
    assert api("google").parse_page({"nextPageToken": "a/b="}).cursor == "a/b="
    full = {"data": [mistral("SUCCESS")] * 100}
    assert api("mistral").parse_page(full, "4").cursor == "5"
    assert api("mistral").parse_page({"data": full["data"][1:]}, "4").cursor == ""
