"""Asks for batches in each form over plain HTTP, for tests of the provider: nothing hidden.

client = CLIENTS["openai"]
batch = client.create(provider.url, ["a", "b"])
results = client.collect(provider.url, batch)      # the rows of its results, as they came
"""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from tests.support.http_client import Reply, ask, post
from tests.support.provider.batches.job import Json

MODEL = "some-model"
MOST_POLLS = 20


def chat(custom_id: str, model: str = MODEL) -> Json:
    """Return the body of a call that asks something of its own."""
    messages = [{"role": "user", "content": f"Say {custom_id}."}]
    return {"model": model, "messages": messages, "max_tokens": 100}


@dataclass(frozen=True)
class PlainClient:
    """One form's batches.

    Attributes:
        poll_path: where they are polled, before their id.
        send: creates a batch of these custom ids at a provider's address, whatever is answered.
        read_id: what a batch is called.
        ended: whether it is over.
        read: its results, fetched or found in it.
        name: the custom id of a result.
    """

    poll_path: str
    send: Callable[[str, Iterable[str]], Reply]
    read_id: Callable[[Json], str]
    ended: Callable[[Json], bool]
    read: Callable[[str, Json], list[str]]
    name: Callable[[Json], str]

    def create(self, url: str, custom_ids: Iterable[str]) -> str:
        """Create a batch, and return its id."""
        reply = self.send(url, custom_ids)
        assert reply.status in (200, 202), reply.text
        return self.read_id(reply.json)

    def poll(self, url: str, batch: str) -> Reply:
        """Ask once how far it has come."""
        return ask("GET", f"{url}{self.poll_path}/{batch}")

    def wait(self, url: str, batch: str) -> Json:
        """Poll until it is over, and return what the last poll said."""
        for _ in range(MOST_POLLS):
            told: Json = self.poll(url, batch).json
            if self.ended(told):
                return told
        raise AssertionError(told)

    def collect(self, url: str, batch: str) -> list[Json]:
        """Poll until it is over, and return its results."""
        return [json.loads(text) for text in self.read(url, self.wait(url, batch))]


def upload(
    url: str,
    text: str,
    purpose: str = "batch",
    prefix: str = "/v1",
    path: str = "/files",
    **fields: str,
) -> Reply:
    """Upload a file in OpenAI's form, or with further fields beside it."""
    edge = "edge-of-a-part"
    head = f'--{edge}\r\nContent-Disposition: form-data; name="'
    named = {"purpose": purpose} | fields
    body = "".join(f'{head}{name}"\r\n\r\n{value}\r\n' for name, value in named.items())
    body += f'{head}file"; filename="in.jsonl"\r\n\r\n{text}\r\n'
    headers = {"Content-Type": f"multipart/form-data; boundary={edge}"}
    return ask("POST", f"{url}{prefix}{path}", f"{body}--{edge}--\r\n".encode(), headers)


def write_input(custom_ids: Iterable[str], endpoint: str = "/v1/chat/completions") -> str:
    """Write an input file in OpenAI's form."""
    rows = [
        {"custom_id": c, "method": "POST", "url": endpoint, "body": chat(c)} for c in custom_ids
    ]
    return "".join(json.dumps(row) + "\n" for row in rows)


def create_of_file(url: str, file: str, prefix: str = "/v1", **fields: object) -> Reply:
    """Create a batch of an uploaded file in OpenAI's form."""
    sent = {"input_file_id": file, "endpoint": "/v1/chat/completions", "completion_window": "24h"}
    return post(f"{url}{prefix}/batches", sent | fields)


def _send_openai(url: str, custom_ids: Iterable[str]) -> Reply:
    return create_of_file(url, upload(url, write_input(custom_ids)).json["id"])


def _send_together(url: str, custom_ids: Iterable[str]) -> Reply:
    prefix = "/together/v1"
    text, named = write_input(custom_ids), {"file_name": "in.jsonl", "file_type": "jsonl"}
    file = upload(url, text, "batch-api", prefix, "/files/upload", **named).json["id"]
    return create_of_file(url, file, prefix, model_id=MODEL)


def _send_mistral(url: str, custom_ids: Iterable[str]) -> Reply:
    rows = [{"custom_id": each, "body": {**chat(each), "model": None}} for each in custom_ids]
    file = upload(url, "".join(json.dumps(row) + "\n" for row in rows)).json["id"]
    sent = {"input_files": [file], "model": MODEL, "endpoint": "/v1/chat/completions"}
    return post(f"{url}/v1/batch/jobs", sent | {"timeout_hours": 24})


def _read_mistral(url: str, batch: Json) -> list[str]:
    names = {"output_file_id": "output_file", "error_file_id": "error_file"}
    return _read_openai(url, {name: batch[own] for name, own in names.items()})


def _read_openai(url: str, batch: Json) -> list[str]:
    files = [batch[name] for name in ("output_file_id", "error_file_id") if batch[name]]
    texts = [ask("GET", f"{url}/v1/files/{file}/content").text for file in files]
    return "".join(texts).splitlines()


def _send_anthropic(url: str, custom_ids: Iterable[str]) -> Reply:
    requests = [{"custom_id": each, "params": chat(each)} for each in custom_ids]
    return post(f"{url}/v1/messages/batches", {"requests": requests})


def _read_anthropic(_url: str, batch: Json) -> list[str]:
    return ask("GET", batch["results_url"]).text.splitlines()


def _send_openrouter(url: str, custom_ids: Iterable[str]) -> Reply:
    requests = [{"custom_id": each, "body": chat(each)} for each in custom_ids]
    sent = {"endpoint": "/v1/chat/completions", "model": MODEL, "requests": requests}
    return post(f"{url}/api/v1/batches", sent)


def _read_openrouter(_url: str, batch: Json) -> list[str]:
    return [json.dumps(each) for each in batch["results"]]


def generate(custom_id: str) -> Json:
    """Return the body of a call in Google's form."""
    parts = [{"text": f"Say {custom_id}."}]
    return {"contents": [{"role": "user", "parts": parts}]}


def create_in_google(url: str, source: Json, name: str = "a name") -> Reply:
    """Create a batch in Google's form, of inline requests or a file."""
    sent = {"batch": {"displayName": name, "inputConfig": source}}
    return post(f"{url}/v1beta/models/{MODEL}:batchGenerateContent", sent)


def upload_to_google(url: str, text: str) -> Reply:
    """Upload a file in Google's form, in two steps."""
    start = ask("POST", f"{url}/upload/v1beta/files", b"{}", {"X-Goog-Upload-Command": "start"})
    told = {name.lower(): value for name, value in start.headers.items()}["x-goog-upload-url"]
    return ask("POST", told, text.encode(), {"X-Goog-Upload-Command": "upload, finalize"})


def _send_google(url: str, custom_ids: Iterable[str]) -> Reply:
    rows = [{"request": generate(each), "metadata": {"key": each}} for each in custom_ids]
    return create_in_google(url, {"requests": {"requests": rows}})


def _send_google_file(url: str, custom_ids: Iterable[str]) -> Reply:
    rows = [{"key": each, "request": generate(each)} for each in custom_ids]
    text = "".join(json.dumps(row) + "\n" for row in rows)
    file = upload_to_google(url, text).json["file"]
    return create_in_google(url, {"fileName": file["name"]})


def _read_google(url: str, batch: Json) -> list[str]:
    output = batch["metadata"].get("output", {})
    if "responsesFile" in output:
        path = f"/download/v1beta/{output['responsesFile']}:download?alt=media"
        return ask("GET", url + path).text.splitlines()
    inline = output.get("inlinedResponses", {}).get("inlinedResponses", [])
    return [json.dumps(each) for each in inline]


def _google(send: Callable[[str, Iterable[str]], Reply]) -> PlainClient:
    return PlainClient(
        "/v1beta/batches",
        send,
        lambda told: str(told["name"]).removeprefix("batches/"),
        lambda told: bool(told.get("done")),
        _read_google,
        lambda row: str(row["key"] if "key" in row else row["metadata"]["key"]),
    )


_OVER = ("completed", "failed", "expired", "cancelled")
CLIENTS = {
    "openai": PlainClient(
        "/v1/batches",
        _send_openai,
        lambda told: str(told["id"]),
        lambda told: told["status"] in _OVER,
        _read_openai,
        lambda row: str(row["custom_id"]),
    ),
    "anthropic": PlainClient(
        "/v1/messages/batches",
        _send_anthropic,
        lambda told: str(told["id"]),
        lambda told: told["processing_status"] == "ended",
        _read_anthropic,
        lambda row: str(row["custom_id"]),
    ),
    "openrouter": PlainClient(
        "/api/v1/batches",
        _send_openrouter,
        lambda told: str(told["id"]),
        lambda told: told["status"] in _OVER,
        _read_openrouter,
        lambda row: str(row["custom_id"]),
    ),
    "together": PlainClient(
        "/together/v1/batches",
        _send_together,
        lambda told: str(told.get("job", told)["id"]),
        lambda told: told["status"].lower() in _OVER,
        _read_openai,
        lambda row: str(row["custom_id"]),
    ),
    "mistral": PlainClient(
        "/v1/batch/jobs",
        _send_mistral,
        lambda told: str(told["id"]),
        lambda told: told["status"] in ("SUCCESS", "FAILED", "TIMEOUT_EXCEEDED", "CANCELLED"),
        _read_mistral,
        lambda row: str(row["custom_id"]),
    ),
    "google": _google(_send_google),
    "google, a file": _google(_send_google_file),
}
