"""A batch whose creation was not answered is found, or is surely not there, or cannot be told."""

from datetime import timedelta

import pytest

from providers.batches import name_chunk
from tests.runner.transport.batches.scripted import (
    CHUNK,
    KEY,
    NOW,
    Told,
    build_chunk,
    do,
    run_scripted_batches,
)

OTHER = name_chunk("another ledger", 0)


@pytest.fixture(autouse=True)
def _a_key(monkeypatch):
    monkeypatch.setenv("MY_BATCH_KEY", KEY)


def look(answer, name, tmp_path, **fields):
    """Look for the chunk; return what was found, and what was asked."""
    fields.setdefault("sent_at", NOW)
    chunk = build_chunk(tmp_path / "gone.jsonl", **fields)
    with run_scripted_batches(answer) as server:
        found = do(f"{server.url}/v1", name, lambda c, m: c.find(m, chunk))
    return found, server.asked


def openai(batch_id, chunk="", file_id="file-other", created=0.0):
    """Return a batch of a list of OpenAI's."""
    return {
        "id": batch_id,
        "status": "in_progress",
        "input_file_id": file_id,
        "created_at": int(NOW.timestamp() + created),
        "metadata": {"afcost_chunk": chunk} if chunk else None,
    }


def anthropic(batch_id, *, ended=True, total=2, created=0.0):
    """Return a batch of a list of Anthropic's."""
    count = {"succeeded" if ended else "processing": total}
    return {
        "id": batch_id,
        "processing_status": "ended" if ended else "in_progress",
        "created_at": (NOW + timedelta(seconds=created)).isoformat(),
        "request_counts": count,
    }


def tell_of(*batches, more=False):
    return lambda _: Told({"data": list(batches), "has_more": more})


def test_a_list_that_does_not_say_whether_it_ends_is_not_taken_for_all_of_it(tmp_path):
    page = [openai("batch_1"), openai("batch_2")]
    found, asked = look(lambda _: Told({"data": page}), "deepinfra", tmp_path, file_id="file-1")
    assert (found.batch, found.is_sure, len(asked)) == (None, False, 2)
    assert "to its end" in found.why
    found, _ = look(lambda _: Told({"data": page}), "groq", tmp_path)
    assert found.is_sure  # it has no pages

    def answer(asked):
        return Told({"data": [] if "after=" in asked.path else page})

    found, asked = look(answer, "deepinfra", tmp_path, file_id="file-1")
    assert (found.batch, found.is_sure, len(asked)) == (None, True, 2)


def test_what_was_never_sent_is_not_there_and_is_not_asked_for(tmp_path):
    found, asked = look(tell_of(), "openai", tmp_path, sent_at=None)
    assert (found.batch, found.is_sure, asked) == (None, True, [])


def test_a_batch_is_found_by_its_metadata_or_by_its_file(tmp_path):
    named = openai("batch_2", CHUNK)
    found, _ = look(tell_of(openai("batch_3", OTHER), named), "openai", tmp_path)
    assert (found.batch.id, found.is_sure) == ("batch_2", True)
    made = openai("batch_4", file_id="file-1")
    found, _ = look(tell_of(made), "deepinfra", tmp_path, file_id="file-1")
    assert found.batch.id == "batch_4"


def test_a_job_of_googles_is_found_by_its_display_name(tmp_path):
    job = {"name": "batches/7", "metadata": {"displayName": CHUNK, "state": "BATCH_STATE_RUNNING"}}
    found, asked = look(lambda _: Told({"operations": [job]}), "google", tmp_path)
    assert found.batch.id == "batches/7"
    assert asked[0].path == "/v1/batches?pageSize=100"


@pytest.mark.parametrize("is_there", [True, False])
def test_all_pages_are_read_until_one_is_older_than_the_chunk(tmp_path, is_there):
    """One batch with a wrong time hides none of those behind it."""
    wrong, old = (openai(each, created=-8 * 86_400) for each in ("batch_2", "batch_0"))
    behind = [openai("batch_1", CHUNK)] if is_there else [old]

    def answer(asked):
        if "after=batch_2" in asked.path:
            return Told({"data": behind, "has_more": True})
        return Told({"data": [openai("batch_3"), wrong], "has_more": True})

    found, asked = look(answer, "openai", tmp_path)
    assert (found.batch is not None, found.is_sure, len(asked)) == (is_there, True, 2)


@pytest.mark.parametrize("name", ["openai", "anthropic", "openrouter", "google", "mistral"])
def test_an_empty_list_is_sure_only_with_the_same_key(tmp_path, name):
    def answer(_):
        return Told({"data": [], "has_more": False, "operations": []})

    assert look(answer, name, tmp_path)[0].is_sure
    other, _ = look(answer, name, tmp_path, key_mark="00000000")
    assert (other.is_sure, "another key" in other.why) == (False, True)


@pytest.mark.parametrize(
    "told", [None, Told({}, 500), Told({}, 403), Told(b"{"), Told({"data": 7})], ids=str
)
@pytest.mark.parametrize("name", ["openai", "anthropic"])
def test_a_list_that_cannot_be_read_tells_nothing(tmp_path, name, told):
    found, _ = look(lambda _: told, name, tmp_path)
    assert (found.batch, found.is_sure) == (None, False)
    assert found.failure is not None


def result(custom_id):
    return (
        b'{"custom_id":"%s","result":{"type":"expired"}}\n' % custom_id.encode()
        if custom_id
        else b'{"cus'
    )


def answer_results(listed, results):
    """Return a list, and results by the id of their batch."""

    def answer(asked):
        if asked.path.endswith("/results"):
            return Told(results[asked.path.split("/")[-2]])
        return Told({"data": listed, "has_more": False})

    return answer


def test_where_a_batch_has_no_name_its_results_tell_whose_it_is(tmp_path):
    listed = [anthropic("b3"), anthropic("b2"), anthropic("b1")]
    results = {
        "b3": result(f"{OTHER}-0"),
        "b2": result("") + b"\n" + result("not-ours") + result(f"{CHUNK}-1"),
    }
    found, asked = look(answer_results(listed, results), "anthropic", tmp_path)
    assert (found.batch.id, found.is_sure) == ("b2", True)
    assert not any("b1" in each.path for each in asked)


def test_one_that_ended_with_fewer_requests_than_it_was_sent_may_be_it(tmp_path):
    results = {"b1": result(f"{CHUNK}-0")}
    found, _ = look(answer_results([anthropic("b1", total=1)], results), "anthropic", tmp_path)
    assert (found.batch.id, found.is_sure) == ("b1", True)


def test_batches_that_cannot_be_it_are_not_looked_into(tmp_path):
    listed = [
        anthropic("size", total=3),
        anthropic("known"),
        anthropic("working", ended=False, total=5),
        anthropic("fewer", ended=False, total=1),
        anthropic("old", created=-8 * 86_400),
    ]
    found, asked = look(
        answer_results(listed, {}), "anthropic", tmp_path, other_batches=frozenset({"known"})
    )
    assert (found.batch, found.is_sure, len(asked)) == (None, True, 1)


def test_one_that_works_or_has_no_readable_result_may_be_it(tmp_path):
    working = [anthropic("b1", ended=False)]
    found, _ = look(answer_results(working, {}), "anthropic", tmp_path)
    assert (found.batch, found.is_sure) == (None, False)
    assert "1 batch that may be it still work" in found.why
    ended = [anthropic("b1")]
    found, _ = look(answer_results(ended, {"b1": b"{"}), "anthropic", tmp_path)
    assert (found.batch, found.is_sure) == (None, False)
    assert "no results that can be read" in found.why


def test_results_inside_of_a_batch_tell_whose_it_is_too(tmp_path):
    told = {"id": "b1", "status": "completed", "request_counts": {"total": 2}}
    lines = [{"custom_id": f"{CHUNK}-0", "response": None, "error": {"message": "no"}}]

    def answer(asked):
        is_list = "limit=" in asked.path
        return Told({"data": [{**told, "results": None}]} if is_list else told | {"results": lines})

    found, _ = look(answer, "openrouter", tmp_path)
    assert found.batch.id == "b1"
