"""A server that sends the key back, wherever a server can: it is in no file and on no screen."""

from __future__ import annotations

import base64
import contextlib
import gzip
import io
import json
import re
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from afcost.cli import run_cli
from runner.execution.retry import RetryPolicy
from runner.launch import RunOptions
from tests.runner.sample_experiment import write
from tests.support.raw_server import run_raw_server

KEY = "sk-lab-Zk9_aW3-qM7xT2vB8nR4yL6c"

WAYS: dict[str, Callable[[str], str]] = {
    "plain": str,
    "capitals": str.upper,
    "percent": lambda key: "".join(f"%{ord(each):02x}" for each in key),
    "base64": lambda key: base64.b64encode(f"Bearer {key}".encode()).decode(),
    "hex": lambda key: key.encode().hex(),
    "escaped": lambda key: key.replace("-", "\\u002d"),
    "spaced": " ".join,
    "terminal": lambda key: f"\x1b[2J{key}\x9b\u202e",
}


def respond(body: str, *, status: str = "200 OK", headers: str = "") -> bytes:
    content = body.encode()
    head = f"HTTP/1.1 {status}\r\nContent-Length: {len(content)}\r\n{headers}\r\n"
    return head.encode() + content


def complete(echo: str = "", **fields: object) -> str:
    """Return a whole answer; `echo` is in it as JSON that a server wrote, not escaped again."""
    usage = {"prompt_tokens": 60, "completion_tokens": 5} | dict(fields.pop("usage", {}))
    choice = {"message": {"content": "One two three."} | dict(fields.pop("message", {}))}
    choice |= {"finish_reason": fields.pop("finish", "stop")}
    text = json.dumps({"choices": [choice], "usage": usage} | fields)
    return text.replace("ECHO", echo)


def refuse(status: str, error: object) -> Callable[[str], bytes]:
    text = json.dumps({"error": error})
    return lambda echo: respond(text.replace("ECHO", echo), status=status)


def with_header(line: str, status: str = "200 OK") -> Callable[[str], bytes]:
    return lambda echo: respond(
        complete(), status=status, headers=line.replace("ECHO", echo) + "\r\n"
    )


def in_body(**fields: object) -> Callable[[str], bytes]:
    return lambda echo: respond(complete(echo, **fields))


CHUNKED = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"
PLACES: dict[str, Callable[[str], bytes]] = {
    "the status line": lambda echo: f"HTTP/1.1 {echo}\r\n\r\n".encode(),
    "the version": lambda echo: f"{echo} 200 OK\r\n\r\n".encode(),
    "the reason": lambda echo: respond(complete(), status=f"200 {echo}"),
    "the reason of a failure": lambda echo: respond("", status=f"500 {echo}"),
    "a line that is no header": with_header("ECHO"),
    "a header's name": with_header("ECHO: x"),
    "a header": with_header("X-Echo: ECHO"),
    "a header over lines": with_header("X-Echo: a\r\n ECHO"),
    "a header with a control character": with_header("X-Echo: \x00ECHO"),
    "a cookie": with_header("Set-Cookie: ECHO=ECHO; Path=ECHO; Expires=ECHO"),
    "the content type": with_header("Content-Type: text/ECHO; charset=ECHO"),
    "the encoding": with_header("Content-Encoding: ECHO"),
    "the transfer encoding": with_header("Transfer-Encoding: ECHO"),
    "the length": with_header("Content-Length: ECHO"),
    "the date": with_header("Date: ECHO\r\nX-RateLimit-Reset-Requests: ECHO"),
    "a rate limit": with_header("X-RateLimit-Limit-Requests: ECHO"),
    "a wait": with_header("Retry-After: ECHO", "429 Too Many"),
    "a redirect": with_header("Location: http://127.0.0.1:9/ECHO", "307 Temporary"),
    "a redirect to no address": with_header("Location: http://ECHO:ECHO@[ECHO", "302 Found"),
    "early hints": lambda echo: (
        f"HTTP/1.1 103 {echo}\r\nLink: {echo}\r\n\r\n".encode() + respond(complete())
    ),
    "another protocol": lambda echo: f"HTTP/1.1 101 {echo}\r\nUpgrade: {echo}\r\n\r\n".encode(),
    "a chunk's size": lambda echo: f"{CHUNKED}\r\n{echo}\r\n".encode(),
    "a chunk's extension": lambda echo: f"{CHUNKED}\r\n2;{echo}=x\r\n{{}}\r\n0\r\n\r\n".encode(),
    "a trailer": lambda echo: f"{CHUNKED}\r\n2\r\n{{}}\r\n0\r\nX: {echo}\r\n\r\n".encode(),
    "a broken trailer": lambda echo: f"{CHUNKED}\r\n2\r\n{{}}\r\n0\r\n{echo}\r\n\r\n".encode(),
    "after the answer": lambda echo: respond(complete()) + echo.encode(),
    "a body cut short": lambda echo: (
        f"HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\n{complete(echo)}{echo}".encode()
    ),
    "what is not gzip": lambda echo: (
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 99\r\n\r\n" + echo.encode()
    ),
    "gzip": lambda echo: (
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nConnection: close\r\n\r\n"
        + gzip.compress(complete(echo, message={"content": "ECHO"}).encode())
    ),
    "what is not JSON": respond,
    "a text as JSON": lambda echo: respond(f'"{echo}"'),
    "the text": in_body(message={"content": "Your key: ECHO"}),
    "the text's parts": in_body(message={"content": [{"text": "ECHO"}, {"text": "ECHO"}]}),
    "the text, cut": in_body(message={"content": "." * 4075 + "ECHO"}),
    "the reasoning": in_body(message={"reasoning_content": "ECHO"}),
    "the refusal": in_body(message={"content": None, "refusal": "ECHO"}),
    "the end": in_body(finish="ECHO"),
    "the model": in_body(model="x" * 170 + "ECHO"),
    "the id": in_body(id="ECHO"),
    "the tier": in_body(service_tier="ECHO"),
    "a figure": in_body(usage={"completion_tokens": "ECHO"}),
    "a figure that is cut": in_body(usage={"prompt_tokens": "." * 40 + "ECHO"}),
    "a name in usage": in_body(usage={"ECHO": 1}),
    "deep in usage": in_body(usage={"a": {"b": [{"ECHO": {"c": ["ECHO", {"ECHO": "ECHO"}]}}]}}),
    "a cost": in_body(usage={"cost": "ECHO", "estimated_cost": "ECHO"}),
    "the details of usage": in_body(usage={"prompt_tokens_details": "ECHO"}),
    "an error": refuse("400 Bad", {"message": "ECHO"}),
    "an error that is cut": refuse("400 Bad", {"message": "." * 270 + "ECHO"}),
    "an error's code": refuse("400 Bad", {"code": "ECHO", "type": "ECHO"}),
    "an error of other form": refuse("422 Bad", ["ECHO", {"ECHO": "ECHO"}]),
    "a wrong key": refuse("401 No", {"message": "Incorrect API key provided: ECHO"}),
    "a forbidden key": refuse("403 No", {"message": "ECHO may not use this"}),
    "no money": refuse("402 No", {"message": "ECHO"}),
    "too many": refuse("429 Wait", {"message": "ECHO"}),
    "a failure": refuse("500 Oh", "ECHO"),
    "a filter": refuse("400 Bad", {"code": "content_filter", "message": "ECHO"}),
    "a list of models": lambda echo: respond(json.dumps({"data": [{"id": echo}]})),
}  # fmt: skip
SHOWING = (
    ["status", "RUN"],
    ["report", "RUN"],
    ["report", "RUN", "--format", "json"],
    ["report", "RUN", "--format", "csv", "--raw"],
    ["report", "RUN", "-o", "report.md", "--answers", "answers.csv"],
    ["report", "RUN", "-o", "report.json", "--format", "json", "--answers", "answers.jsonl"],
    ["report", "RUN", "--answers", "raw.csv", "--raw"],
    ["ledger", "RUN", "--all"],
    ["ledger", "RUN", "--format", "jsonl"],
    ["ledger", "RUN", "-o", "ledger.csv", "--raw"],
)


@pytest.fixture(autouse=True)
def _no_waits(monkeypatch):
    haste = RetryPolicy(base_delay=0.0, max_delay=0.0, max_probes=3)
    options = partial(RunOptions, retry_policy=haste)
    monkeypatch.setattr("afcost.commands.running.run.RunOptions", options)
    monkeypatch.setenv("LAB_KEY", KEY)


def call(*arguments: str) -> str:
    """Run a command; give all that it printed."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        run_cli(list(arguments))
    return printed.getvalue()


def run_against(place: str, way: str, *, models: bool, folder: Path) -> str:
    """Run a small experiment at a server that sends the key back; give what was printed."""
    sent_back: list[str] = []

    def answer(request: str) -> bytes:
        (key,) = re.findall(r"authorization: Bearer (\S+)", request, re.IGNORECASE)
        if request.startswith("GET") and not models:
            return respond("{}", status="404 None")
        echo = WAYS[way](key)
        sent_back.append(echo)
        return PLACES[place](echo)

    with run_raw_server(answer) as url, contextlib.chdir(folder):
        provider = {"kind": "openai", "base_url": f"{url}/v1", "api_key_env": "LAB_KEY"}
        messages = [{"role": "user", "content": "{{ query }}"}]
        own = {"factors": {}, "messages": messages, "providers": {"my-lab": provider}}
        write(folder, queries=1, votes=0, **own)
        printed = call("estimate", "experiment.yaml", "-o", "plan.json")
        printed += call("approve", "plan.json", "--cap", "1", "--yes")
        printed += call(
            "run", "plan.json", "--concurrency", "1", "--timeout", "5", "--run-dir", "RUN"
        )
        for command in SHOWING:
            printed += call(*command)
    assert sent_back, printed
    return printed


def is_repeated(content: bytes) -> bool:
    """Return whether a content has the key in any of the ways, or most of it."""
    text = content.decode("utf-8", "replace").lower()
    parts = [way(KEY).lower() for name, way in WAYS.items() if name != "terminal"]
    parts += [KEY.lower()[:18], KEY.lower()[-18:], base64.b64encode(KEY.encode()).decode().lower()]
    return any(part in text for part in parts)


@pytest.mark.parametrize("place", PLACES)
def test_a_key_sent_back_anywhere_is_in_no_file_and_not_shown(place, tmp_path, monkeypatch):
    check(place, "plain", models=False, folder=tmp_path, monkeypatch=monkeypatch)


@given(
    place=st.sampled_from(sorted(PLACES)),
    way=st.sampled_from(sorted(WAYS)),
    models=st.booleans(),
)
@example(place="a chunk's size", way="terminal", models=False)
@settings(
    max_examples=40,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
def test_a_key_sent_back_in_any_way_is_in_no_file_and_not_shown(place, way, models):
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        check(place, way, models=models, folder=Path(folder), monkeypatch=patch)


def check(place: str, way: str, *, models: bool, folder: Path, monkeypatch) -> None:
    monkeypatch.setenv("AFCOST_HOME", str(folder / "home"))
    printed = run_against(place, way, models=models, folder=folder)
    assert "Traceback" not in printed
    assert not is_repeated(printed.encode())
    assert [each for each in printed if not each.isprintable() and each != "\n"] == []
    kept = [path for path in folder.rglob("*") if path.is_file()]
    assert folder / "RUN" / "ledger.sqlite" in kept or models
    assert [path for path in kept if is_repeated(path.read_bytes())] == []
