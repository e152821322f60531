"""Each shape stands in the fields that its API has for it, and is drawn as often as told."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.support.http_client import post
from tests.support.provider.answers import JUDGES_FIELD
from tests.support.provider.behaviour import Behaviour, prompt_key
from tests.support.provider.server import run_provider
from tests.support.provider.shapes.bodies import DECLINED, REFUSED, THOUGHT

PATHS = {
    "openai": "/v1/chat/completions",
    "anthropic": "/v1/messages",
    "responses": "/v1/responses",
    "google": "/v1beta/models/gemini:generateContent",
}
USUAL = "<OUTPUT><request_fully_accepted/> ok</OUTPUT>"
HALF = USUAL[: len(USUAL) // 2]
DETAILS = {"type": "refusal", "category": "cyber", "explanation": DECLINED}


@pytest.fixture(scope="module")
def server():
    with run_provider() as provider:
        yield provider


def body_of(api: str, prompt: str, max_tokens: int = 100) -> dict[str, object]:
    messages = [{"role": "user", "content": prompt}]
    if api == "responses":
        return {"model": "m", "input": messages, "max_output_tokens": max_tokens}
    if api == "google":
        config = {"maxOutputTokens": max_tokens}
        return {"contents": [{"role": "user", "parts": [{"text": prompt}]}]} | {
            "generationConfig": config
        }
    return {"model": "m", "messages": messages, "max_tokens": max_tokens}


def ask(server, api: str, prompt: str = "Hello!"):
    answer = post(server.url + PATHS[api], body_of(api, prompt))
    assert answer.status == 200
    return answer.json


def chat(content, finish, **message):
    return {"role": "assistant", "content": content, "refusal": None} | message, finish


@pytest.mark.parametrize(
    ("shape", "message", "finish"),
    [
        ("refused", *chat(None, "stop", refusal=REFUSED)),
        ("filtered", *chat("", "content_filter")),
        ("truncated", *chat(None, "length")),
        ("empty", *chat("", "stop")),
        ("failed", *chat(HALF, "error")),
    ],
)
def test_openai_shapes(server, shape, message, finish):
    server.reset(Behaviour(shares={shape: 1.0}))
    (choice,) = ask(server, "openai")["choices"]
    assert (choice["message"], choice["finish_reason"]) == (message, finish)
    assert ("error" in choice) == (shape == "failed")


@pytest.mark.parametrize(
    ("shape", "content", "stop", "details"),
    [
        ("refused", [], "refusal", DETAILS),
        ("refused_midway", [{"type": "text", "text": HALF}], "refusal", DETAILS),
        ("truncated", [], "max_tokens", None),
        ("empty", [], "end_turn", None),
    ],
)
def test_anthropic_shapes(server, shape, content, stop, details):
    server.reset(Behaviour(shares={shape: 1.0}))
    answer = ask(server, "anthropic")
    assert (answer["content"], answer["stop_reason"]) == (content, stop)
    assert answer["stop_details"] == details


@pytest.mark.parametrize(
    ("shape", "parts", "status", "reason"),
    [
        ("refused", ["refusal"], "completed", None),
        ("refused_midway", ["output_text", "refusal"], "completed", None),
        ("filtered", [], "incomplete", "content_filter"),
        ("truncated", [], "incomplete", "max_output_tokens"),
        ("empty", [], "completed", None),
        ("failed", ["output_text"], "failed", None),
    ],
)
def test_responses_shapes(server, shape, parts, status, reason):
    server.reset(Behaviour(shares={shape: 1.0}))
    answer = ask(server, "responses")
    given = [part for item in answer["output"] for part in item.get("content", ())]
    assert [part["type"] for part in given] == parts
    assert answer["status"] == status
    assert (answer["incomplete_details"] or {}).get("reason") == reason
    assert (answer["error"] is not None) == (shape == "failed")
    assert all(part["refusal"] == REFUSED for part in given if part["type"] == "refusal")


@pytest.mark.parametrize(
    ("shape", "finish", "texts"),
    [
        ("filtered", "SAFETY", []),
        ("truncated", "MAX_TOKENS", []),
        ("empty", "STOP", []),
        ("failed", "OTHER", [HALF]),
    ],
)
def test_google_shapes(server, shape, finish, texts):
    server.reset(Behaviour(shares={shape: 1.0}))
    (candidate,) = ask(server, "google")["candidates"]
    assert candidate["finishReason"] == finish
    assert [part["text"] for part in candidate["content"].get("parts", ())] == texts


def test_a_prompt_that_google_blocks_has_no_candidates_and_no_output(server):
    server.reset(Behaviour(shares={"blocked": 1.0}))
    answer = ask(server, "google")
    assert "candidates" not in answer
    assert answer["promptFeedback"] == {"blockReason": "PROHIBITED_CONTENT"}
    assert "candidatesTokenCount" not in answer["usageMetadata"]
    assert server.bill().output_tokens == 0


def test_what_is_truncated_before_any_text_is_billed_to_its_limit_as_reasoning(server):
    server.reset(Behaviour(shares={"truncated": 1.0}, output_tokens=20))
    usage = ask(server, "openai")["usage"]
    assert usage["completion_tokens"] == 100 == server.bill().output_tokens
    assert usage["completion_tokens_details"] == {"reasoning_tokens": 100}


def test_reasoning_is_shown_where_the_api_has_a_place_for_it(server):
    server.reset(Behaviour(shows_reasoning="native"))
    message = ask(server, "openai")["choices"][0]["message"]
    assert (message["reasoning_content"], message["content"]) == (THOUGHT, USUAL)
    thinking, text = ask(server, "anthropic")["content"]
    assert (thinking["type"], thinking["thinking"], text["text"]) == ("thinking", THOUGHT, USUAL)
    first, _ = ask(server, "responses")["output"]
    assert first["summary"] == [{"type": "summary_text", "text": THOUGHT}]
    first, second = ask(server, "google")["candidates"][0]["content"]["parts"]
    assert (first, second) == ({"text": THOUGHT, "thought": True}, {"text": USUAL})


@pytest.mark.parametrize(
    ("display", "shares", "text"),
    [
        ("think", {}, f"<think>{THOUGHT}</think>{USUAL}"),
        ("unopened", {}, f"{THOUGHT}</think>{USUAL}"),
        ("think", {"truncated": 1.0}, f"<think>{THOUGHT}"),
    ],
)
def test_reasoning_in_the_text(server, display, shares, text):
    server.reset(Behaviour(shows_reasoning=display, shares=shares))
    assert ask(server, "openai")["choices"][0]["message"]["content"] == text


def test_shapes_are_drawn_from_the_prompt_and_the_same_for_every_api(server):
    shares = {"truncated": 0.1, "empty": 0.3}
    behaviour = Behaviour(shares=shares, complies={"odd": 0.9, "even": 0.2}, seed=5)
    prompts = [f"{'odd' if n % 2 else 'even'} {n}" for n in range(400)]
    records = {}
    for api in PATHS:
        server.reset(behaviour)
        for prompt in prompts[: 400 if api == "openai" else 40]:
            ask(server, api, prompt)
        records[api] = {c.prompt: (c.shape, c.complies) for c in server.bill().calls}
    truth = {
        prompt_key([{"role": "user", "content": prompt}]): prompt.startswith("odd")
        for prompt in prompts
    }
    assert records["openai"].keys() == truth.keys()
    assert Counter(shape for shape, _ in records["openai"].values())["truncated"] in range(25, 56)
    for is_odd, least, most in ((True, 0.85, 0.95), (False, 0.13, 0.27)):
        drawn = [records["openai"][key][1] for key, odd in truth.items() if odd is is_odd]
        assert least < sum(drawn) / len(drawn) < most
    for api in ("anthropic", "responses"):  # Google's address names another model
        assert records[api].items() <= records["openai"].items()


def test_judges_are_not_drawn_for_and_misspelt_shapes_are_refused(server):
    server.reset(Behaviour(answer="by-tier", shares={"empty": 1.0}, shows_reasoning="think"))
    text = ask(server, "openai", f"Reply with {JUDGES_FIELD}")["choices"][0]["message"]["content"]
    assert text.startswith('{"refused"')
    with pytest.raises(ValueError, match=r"no shapes .'reused'"):
        Behaviour(shares={"reused": 0.5})
    with pytest.raises(ValueError, match="more than 1"):
        Behaviour(shares={"refused": 0.7, "empty": 0.5})
    behaviour = Behaviour(shares={"refused": 0.3}, complies={"a": 0.2}, shows_reasoning="native")
    assert Behaviour.from_json(behaviour.to_json()) == behaviour
