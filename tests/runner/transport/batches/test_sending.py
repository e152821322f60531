"""What is sent for a chunk, and what became of it where the answer is lost or refused."""

import json

import pytest

from providers.batches import BatchState, RemoteBatch
from providers.failures import FailureMeaning
from runner.errors import CannotSend
from runner.transport.batches import Uploaded
from runner.transport.outcome import NotBilled, Unknown
from tests.runner.transport.batches.scripted import (
    CHUNK,
    KEY,
    Told,
    build_chunk,
    do,
    list_lines,
    run_scripted_batches,
)

OPENAI = {
    "id": "batch_1",
    "object": "batch",
    "status": "validating",
    "input_file_id": "file-1",
    "created_at": 1_800_000_000,
    "metadata": {"afcost_chunk": CHUNK},
}
ANTHROPIC = {"id": "msgbatch_1", "processing_status": "in_progress"}
CREATED = {"openai": OPENAI, "anthropic": ANTHROPIC, "openrouter": OPENAI}


@pytest.fixture(autouse=True)
def _a_key(monkeypatch):
    monkeypatch.setenv("MY_BATCH_KEY", KEY)


def write(name, tmp_path, count=2):
    """Write the chunk's lines, and return the chunk and its lines as they are on disk."""
    path = tmp_path / "lines.jsonl"
    written = do(
        "http://127.0.0.1:1/v1", name, lambda c, m: c.write_lines(m, list_lines(count), path)
    )
    assert (written.lines, written.size) == (count, path.stat().st_size)
    lines = path.read_bytes().splitlines()
    assert len(lines) == count
    return build_chunk(path, count, file_id="file-1", labels={"run": "a-run"}), lines


@pytest.mark.parametrize(
    ("name", "id_field", "body_field"),
    [
        ("openai", "custom_id", "body"),
        ("anthropic", "custom_id", "params"),
        ("google", "key", "request"),
        ("openrouter", "custom_id", "body"),
        ("mistral", "custom_id", "body"),
    ],
)
def test_a_line_has_its_name_and_the_body_of_a_call(tmp_path, name, id_field, body_field):
    _, lines = write(name, tmp_path)
    read = [json.loads(line) for line in lines]
    assert [each[id_field] for each in read] == [f"{CHUNK}-0", f"{CHUNK}-1"]
    text = json.dumps(read[1][body_field])
    assert "Question\\n1" in text
    assert "service_tier" not in text  # of calls; a batch has one of its own
    assert "max_price" not in text


def test_lines_that_cannot_be_told_apart_are_not_written(tmp_path):
    path = tmp_path / "lines.jsonl"
    twice = [*list_lines(2), *list_lines(1)]
    with pytest.raises(ValueError, match=f"{CHUNK}-0 is there twice"):
        do("http://127.0.0.1:1/v1", "openai", lambda c, m: c.write_lines(m, twice, path))
    assert list(tmp_path.iterdir()) == []


def test_a_provider_without_batches_is_refused():
    with pytest.raises(CannotSend, match=r"deepseek has no batches .* as calls"):
        do("http://127.0.0.1:1/v1", "deepseek", lambda c, m: c.takes_file(m))


def test_a_file_is_uploaded_as_a_form_and_a_batch_is_made_of_it(tmp_path):
    chunk, lines = write("openai", tmp_path)
    with run_scripted_batches(
        lambda a: Told({"id": "file-9"} if "files" in a.path else OPENAI)
    ) as s:
        uploaded = do(f"{s.url}/v1", "openai", lambda c, m: c.upload(m, chunk))
        created = do(f"{s.url}/v1", "openai", lambda c, m: c.create(m, chunk))
    upload, create = s.asked
    assert uploaded == Uploaded("file-9")
    assert upload.headers["Authorization"] == f"Bearer {KEY}"
    assert all(line in upload.body for line in lines)
    assert b'name="purpose"\r\n\r\nbatch' in upload.body.replace(b"Content-Length: 5\r\n", b"")
    assert create.json == {
        "input_file_id": "file-1",
        "endpoint": "/v1/chat/completions",
        "completion_window": "24h",
        "metadata": {"run": "a-run", "afcost_chunk": CHUNK},
    }
    assert isinstance(created, RemoteBatch)
    assert (created.id, created.state, created.chunk) == ("batch_1", BatchState.WORKING, CHUNK)
    assert created.file_id == "file-1"


def test_googles_file_goes_where_it_is_told_but_never_with_the_key_to_another_host(tmp_path):
    chunk, lines = write("google", tmp_path)

    def answer(asked):
        if "X-Goog-Upload-Protocol" in asked.headers:
            return Told(
                {}, headers={"X-Goog-Upload-URL": "https://elsewhere.example/put?upload_id=7"}
            )
        return Told({"file": {"name": "files/abc"}})

    with run_scripted_batches(answer) as server:
        uploaded = do(f"{server.url}/v1beta", "google", lambda c, m: c.upload(m, chunk))
    start, put = server.asked
    assert uploaded == Uploaded("files/abc")
    assert start.path == "/upload/v1beta/files"
    assert start.json["file"]["displayName"] == CHUNK
    assert put.path == "/put?upload_id=7"
    assert put.headers["X-Goog-Upload-Command"] == "upload, finalize"
    assert put.body.splitlines() == lines


@pytest.mark.parametrize("name", ["anthropic", "openrouter"])
def test_lines_without_a_file_are_sent_in_the_creation(tmp_path, name):
    chunk, lines = write(name, tmp_path, 3)
    with run_scripted_batches(lambda _: Told(CREATED[name], status=202)) as server:
        created = do(f"{server.url}/v1", name, lambda c, m: c.create(m, chunk))
    assert isinstance(created, RemoteBatch)
    asked = server.asked[0]
    assert int(asked.headers["Content-Length"]) == len(asked.body)
    assert asked.json["requests"] == [json.loads(line) for line in lines]
    if name == "openrouter":  # which reads a body as it comes
        assert asked.body.index(b'"model"') < asked.body.index(b'"requests"')
        assert asked.json["model"] == "a-model"


@pytest.mark.parametrize("name", ["openai", "anthropic"])
@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 413, 422, 429])
def test_a_creation_that_was_refused_has_made_nothing(tmp_path, name, status):
    chunk, _ = write(name, tmp_path)
    refused = Told({"error": {"message": f"no, {KEY}"}}, status, {"Retry-After": "7"})
    with run_scripted_batches(lambda _: refused) as server:
        outcome = do(f"{server.url}/v1", name, lambda c, m: c.create(m, chunk))
    assert isinstance(outcome, NotBilled)
    assert KEY not in outcome.reason
    if status == 429:
        assert outcome.failure.meaning is FailureMeaning.RATE_LIMIT
        assert outcome.failure.wait == 7


@pytest.mark.parametrize(
    "told",
    [
        None,
        Told({"error": {"message": "busy"}}, 500),
        Told({"error": {"message": "too slow"}}, 408),
        Told({"error": {"message": "already there"}}, 409),
        Told(b"", 302, {"Location": "https://elsewhere.example/"}),
        Told(OPENAI, cut=True),
        Told(b'{"id": "batch'),
        Told([1]),
        Told({"id": "../files/x", "status": "validating"}),
        Told({"status": "validating"}),
        Told({"id": KEY, "status": "validating"}),
    ],
    ids=str,
)
@pytest.mark.parametrize("name", ["openai", "anthropic"])
def test_a_creation_whose_answer_is_lost_may_have_made_a_batch(tmp_path, name, told):
    chunk, _ = write(name, tmp_path)
    with run_scripted_batches(lambda _: told) as server:
        outcome = do(f"{server.url}/v1", name, lambda c, m: c.create(m, chunk))
    assert isinstance(outcome, Unknown)
    assert len(server.asked) == 1  # nothing is tried again here, nor sent on


def test_what_never_reached_the_provider_has_made_nothing(tmp_path):
    chunk, _ = write("anthropic", tmp_path)
    outcome = do("http://127.0.0.1:1/v1", "anthropic", lambda c, m: c.create(m, chunk))
    assert isinstance(outcome, NotBilled)
    assert "cannot connect" in outcome.reason


def test_a_batch_goes_through_the_proxy_which_creates_nothing_where_it_refuses(
    tmp_path, monkeypatch
):
    chunk, _ = write("openai", tmp_path)
    refused = Told(b"no", 407)
    for told in (Told(OPENAI), refused):
        with run_scripted_batches(lambda _, told=told: told) as proxy:
            monkeypatch.setenv("HTTP_PROXY", proxy.url)
            outcome = do("http://provider.test/v1", "openai", lambda c, m: c.create(m, chunk))
        assert isinstance(outcome, NotBilled if told is refused else RemoteBatch)
        assert proxy.asked[0].path == "http://provider.test/v1/batches"


def test_a_batch_is_ended_and_asked_for_again():
    ended = {**OPENAI, "status": "cancelling"}
    with run_scripted_batches(lambda a: Told({} if a.method == "POST" else ended)) as server:
        batch = do(f"{server.url}/v1", "openai", lambda c, m: c.cancel(m, "batch_1"))
        refused = do(f"{server.url}/v1", "openrouter", lambda c, m: c.cancel(m, "batch_1"))
    assert [each.path for each in server.asked] == [
        "/v1/batches/batch_1/cancel",
        "/v1/batches/batch_1",
    ]
    assert (batch.state, batch.status) == (BatchState.WORKING, "cancelling")
    assert "openrouter cannot end a batch" in refused.reason


def test_a_key_has_a_mark_that_does_not_tell_it(monkeypatch):
    def mark():
        return do("http://127.0.0.1:1/v1", "openai", lambda c, m: c.mark_key(m, CHUNK))

    first = mark()
    assert first == mark()
    monkeypatch.setenv("MY_BATCH_KEY", f"{KEY}2")
    assert mark() != first
    assert first not in KEY


def test_what_together_and_mistral_say_in_other_words(tmp_path):
    def answer(asked):
        return Told({"id": "file-9"} if "files" in asked.path else {"job": OPENAI} | OPENAI)

    chunk, _ = write("together", tmp_path)
    with run_scripted_batches(answer) as server:
        do(f"{server.url}/v1", "together", lambda c, m: c.upload(m, chunk))
        do(f"{server.url}/v1", "together", lambda c, m: c.create(m, chunk))
        do(f"{server.url}/v1", "mistral", lambda c, m: c.create(m, chunk))
    upload, together, mistral = server.asked
    assert upload.path == "/v1/files/upload"
    assert b"batch-api" in upload.body
    assert f'filename="{CHUNK}.jsonl"'.encode() in upload.body
    assert together.json == {
        "input_file_id": "file-1",
        "endpoint": "/v1/chat/completions",
        "completion_window": "24h",
        "model_id": "a-model",
    }
    assert mistral.path == "/v1/batch/jobs"
    assert mistral.json == {
        "input_files": ["file-1"],
        "model": "a-model",
        "endpoint": "/v1/chat/completions",
        "metadata": {"run": "a-run", "afcost_chunk": CHUNK},
        "timeout_hours": 24,
    }
