"""Makes a batch of two requests with each provider's own package, polls it, and prints its results.

Addresses come as an argument; what is printed is JSON: client -> [states, custom ids, texts].
"""

import json
import sys
import tempfile
from pathlib import Path

import anthropic
import groq
import mistralai.client
import openai
import openrouter
import together
from google import genai

URL = sys.argv[1]
IDS = ["a-1", "a-2"]
MODEL = "some-model"
POLLS = 3


def chat(custom_id):
    messages = [{"role": "user", "content": f"Say {custom_id}."}]
    return {"model": MODEL, "messages": messages, "max_tokens": 100}


def write_input(folder):
    path = Path(folder, "in.jsonl")
    url = "/v1/chat/completions"
    rows = [{"custom_id": c, "method": "POST", "url": url, "body": chat(c)} for c in IDS]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def use_openai_like(client, path):
    with path.open("rb") as content:
        file = client.files.create(file=content, purpose="batch")
    made = client.batches.create(
        input_file_id=file.id,
        endpoint="/v1/chat/completions",
        completion_window="24h",
        metadata={"chunk": "c-1"},
    )
    states = [made.status]
    for _ in range(POLLS):
        batch = client.batches.retrieve(made.id)
        states.append(batch.status)
    (listed,) = client.batches.list().data
    assert (listed.id, listed.metadata) == (made.id, {"chunk": "c-1"})
    content = client.files.content(batch.output_file_id)
    rows = [json.loads(line) for line in content.read().splitlines()]
    texts = [row["response"]["body"]["choices"][0]["message"]["content"] for row in rows]
    return states, [row["custom_id"] for row in rows], texts


def use_together(client, path):
    file = client.files.upload(file=path, purpose="batch-api")
    made = client.batches.create(input_file_id=file.id, endpoint="/v1/chat/completions").job
    states = [made.status]
    for _ in range(POLLS):
        batch = client.batches.retrieve(made.id)
        states.append(batch.status)
    assert [(each.id, each.input_file_id) for each in client.batches.list()] == [(made.id, file.id)]
    content = client.files.content(batch.output_file_id)
    rows = [json.loads(line) for line in content.read().splitlines()]
    texts = [row["response"]["body"]["choices"][0]["message"]["content"] for row in rows]
    return states, [row["custom_id"] for row in rows], texts


def use_anthropic(client):
    made = client.messages.batches.create(
        requests=[{"custom_id": each, "params": chat(each)} for each in IDS]
    )
    states = [made.processing_status]
    for _ in range(POLLS):
        states.append(client.messages.batches.retrieve(made.id).processing_status)
    assert [each.id for each in client.messages.batches.list()] == [made.id]
    rows = list(client.messages.batches.results(made.id))
    texts = [row.result.message.content[0].text for row in rows]
    return states, [row.custom_id for row in rows], texts


def use_google(client):
    requests = [
        {"contents": [{"role": "user", "parts": [{"text": each}]}], "metadata": {"key": each}}
        for each in IDS
    ]
    made = client.batches.create(model=MODEL, src=requests, config={"display_name": "c-1"})
    states = [made.state.name]
    for _ in range(POLLS):
        batch = client.batches.get(name=made.name)
        states.append(batch.state.name)
    assert [each.display_name for each in client.batches.list()] == ["c-1"]
    rows = batch.dest.inlined_responses
    return states, [row.metadata["key"] for row in rows], [row.response.text for row in rows]


def use_google_file(client, folder):
    path = Path(folder, "google.jsonl")
    request = {"contents": [{"role": "user", "parts": [{"text": "Hello!"}]}]}
    path.write_text("".join(json.dumps({"key": each, "request": request}) + "\n" for each in IDS))
    file = client.files.upload(file=path, config={"mime_type": "application/jsonl"})
    made = client.batches.create(model=MODEL, src=file.name, config={"display_name": "c-2"})
    for _ in range(POLLS):
        batch = client.batches.get(name=made.name)
    rows = [
        json.loads(line) for line in client.files.download(file=batch.dest.file_name).splitlines()
    ]
    texts = [row["response"]["candidates"][0]["content"]["parts"][0]["text"] for row in rows]
    return [batch.state.name], [row["key"] for row in rows], texts


def use_openrouter(client):
    made = client.batch.create_batches(
        endpoint="/v1/chat/completions",
        model=MODEL,
        requests=[{"custom_id": each, "body": chat(each)} for each in IDS],
    )
    states = [made.status]
    for _ in range(POLLS):
        batch = client.batch.get_batches(id=made.id)
        states.append(batch.status)
    assert [each.id for each in client.batch.list().result.data] == [made.id]
    texts = [row.response.body.choices[0].message.content for row in batch.results]
    return states, [row.custom_id for row in batch.results], texts


def use_mistral(client, path):
    file = client.files.upload(
        file={"file_name": "in.jsonl", "content": path.read_bytes()}, purpose="batch"
    )
    made = client.batch.jobs.create(
        input_files=[file.id], model=MODEL, endpoint="/v1/chat/completions", metadata={"a": "b"}
    )
    states = [made.status]
    for _ in range(POLLS):
        job = client.batch.jobs.get(job_id=made.id)
        states.append(job.status)
    assert [each.id for each in client.batch.jobs.list().data] == [made.id]
    rows = [
        json.loads(line)
        for line in client.files.download(file_id=job.output_file).read().splitlines()
    ]
    texts = [row["response"]["body"]["choices"][0]["message"]["content"] for row in rows]
    return states, [row["custom_id"] for row in rows], texts


def main():
    with tempfile.TemporaryDirectory() as folder:
        path = write_input(folder)
        google = genai.Client(
            api_key="key", http_options={"base_url": URL, "api_version": "v1beta"}
        )
        results = {
            "openai": use_openai_like(openai.OpenAI(api_key="key", base_url=f"{URL}/v1"), path),
            "groq": use_openai_like(groq.Groq(api_key="key", base_url=URL), path),
            # It has no package of its own, and is used with OpenAI's.
            "deepinfra": use_openai_like(
                openai.OpenAI(api_key="key", base_url=f"{URL}/v1/openai"), path
            ),
            "together": use_together(
                together.Together(api_key="key", base_url=f"{URL}/together"), path
            ),
            "anthropic": use_anthropic(anthropic.Anthropic(api_key="key", base_url=URL)),
            "google": use_google(google),
            "google, a file": use_google_file(google, folder),
            "openrouter": use_openrouter(
                openrouter.OpenRouter(api_key="key", server_url=f"{URL}/api/v1")
            ),
            "mistral": use_mistral(mistralai.client.Mistral(api_key="key", server_url=URL), path),
        }
        sys.stdout.write(json.dumps(results))


main()
