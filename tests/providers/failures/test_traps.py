"""Words that mislead: money that is none, money without its words, prompts that say anything."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from providers.failures import Billed, FailureMeaning, FailureScope, describe_mend, read_failure
from providers.provider import Provider
from providers.registry import builtin_providers
from tests.providers.failures.samples import OWN, error, find_provider, read

QUOTA = "You exceeded your current quota, please check your plan and billing details."
RETRY = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "6s"}
ANTHROPIC_CREDIT = "Your credit balance is too low to access the Anthropic API."
XAI_CREDIT = (
    "Your team has either used all available credits or reached its monthly spending limit."
)
SUSPENDED = "Account x is suspended, possibly due to reaching the monthly spending limit"


@pytest.mark.parametrize(
    ("at", "status", "body", "headers"),
    [
        ("google", 429, error(QUOTA, status="RESOURCE_EXHAUSTED", details=[RETRY]), {}),
        ("google", 429, error(QUOTA, status="RESOURCE_EXHAUSTED"), {}),
        ("google", 429, [error(QUOTA, status="RESOURCE_EXHAUSTED")], {}),
        ("qwen", 429, error(QUOTA, code="insufficient_quota", type="insufficient_quota"), {}),
        ("qwen", 429, error("Allocated quota exceeded", code="insufficient_quota"), {}),
        ("together", 429, error("Rate limit: 60 queries per minute.", type="credit_limit"), {}),
        (
            "openrouter",
            402,
            error("Budget", metadata={"limit_source": "openrouter_in_flight_budget"}),
            {"Retry-After": "3"},
        ),
        ("lab", 402, error("No."), {"Retry-After": "3"}),
        ("lab", 429, error("insufficient balance of tokens, retry in 5 s"), {}),
        ("lab", 429, error("Token usage limit reached: 40,000 tokens per minute"), {}),
    ],
)
def test_moneys_words_that_are_not_money_do_not_stop_a_run(at, status, body, headers):
    failure = read(at, status, body, headers)
    assert failure.meaning is FailureMeaning.RATE_LIMIT
    assert failure.retries
    assert not failure.is_about_money
    assert failure.billed is Billed.NO


@pytest.mark.parametrize(
    ("at", "status", "body"),
    [
        ("zai", 429, error("x", code="1113")),
        ("zai", 429, error("x", code=1113)),
        ("anthropic", 400, error(ANTHROPIC_CREDIT, type="invalid_request_error")),
        ("anthropic", 400, error("You have reached your specified API usage limits.")),
        ("anthropic", 400, error("You have reached your specified workspace API usage limits.")),
        ("lab-anthropic", 400, error(ANTHROPIC_CREDIT, type="invalid_request_error")),
        (
            "anthropic",
            429,
            error(type="rate_limit_error", details={"error_code": "enforced_spend_limit_reached"}),
        ),
        ("moonshotai", 429, error("suspended", type="exceeded_current_quota_error")),
        ("x-ai", 403, {"code": "The caller does not have permission", "error": XAI_CREDIT}),
        ("x-ai", 429, {"code": "Some resource has been exhausted", "error": XAI_CREDIT}),
        ("fireworks", 412, error(SUSPENDED, code="PRECONDITION_FAILED")),
        ("google", 429, error("Your prepayment credits are depleted.")),
        ("groq", 400, error(code="blocked_api_access", type="invalid_request_error")),
        ("groq", 400, error(code="spend_limit_reached")),
        ("qwen", 400, error("Access denied", code="Arrearage")),
        ("openrouter", 403, error("Workspace budget of $5.00 exceeded")),
        ("novita", 403, {"code": 403, "reason": "NOT_ENOUGH_BALANCE", "message": "no"}),
        ("deepinfra", 402, {"detail": {"error": "need positive balance to do inference"}}),
        ("minimax", 200, {"base_resp": {"status_code": 1008, "status_msg": "x"}}),
        ("openrouter", 200, error("Insufficient credits", code=402)),
        ("lab", 200, error("x", code="402")),
        ("lab", 402, ""),
        *(
            ("openai", 429, error(code=code))
            for code in (
                "credit_balance_exhausted",
                "organization_spend_limit_exceeded",
                "project_spend_limit_exceeded",
                "organization_usage_limit_exceeded",
                "insufficient_quota",
                "billing_not_active",
            )
        ),
    ],
)
def test_money_without_its_words_stops_a_run(at, status, body):
    failure = read(at, status, body)
    assert failure.is_about_money
    assert not failure.retries
    assert failure.billed is Billed.NO


@pytest.mark.parametrize("at", [*builtin_providers(), *OWN])
@pytest.mark.parametrize(
    "said",
    [
        "Invalid value: 'the account had insufficient balance, budget limit reached'.",
        'Invalid input "our credit balance is too low, top up" in messages[0]',
        "Invalid input `my usage limit is reached and credits are depleted`",
    ],
)
def test_a_prompt_that_an_error_quotes_stops_nothing(at, said):
    failure = read(at, 400, error(said, type="invalid_request_error", code="invalid_value"))
    assert not failure.is_about_money
    assert failure.scope is FailureScope.REQUEST
    echo = {"detail": [{"msg": "too short", "loc": ["x"], "input": said.replace("'", "")}]}
    assert not read(at, 422, echo).is_about_money


@pytest.mark.parametrize(
    ("at", "status", "body", "means", "scope"),
    [
        ("google", 429, error(f"{QUOTA} limit: 0, model: x"), "forbidden", "model"),
        ("openai", 429, error("Request too large for gpt-x: Limit 1"), "refused", "request"),
        ("groq", 413, error("Request too large", code="rate_limit_exceeded"), "refused", "request"),
        (
            "x-ai",
            403,
            {"code": "no permission", "error": "Content violates usage guidelines."},
            "filtered",
            "request",
        ),
        ("x-ai", 400, {"error": "Incorrect API key provided"}, "bad_key", "provider"),
        (
            "openrouter",
            403,
            error(metadata={"flagged_input": "x", "reasons": ["y"]}),
            "filtered",
            "request",
        ),
        ("together", 403, error(), "context", "request"),
        (
            "anthropic",
            403,
            error("Request not allowed", type="forbidden"),
            "not_available_region",
            "provider",
        ),
        (
            "google",
            400,
            error("User location is not supported", status="FAILED_PRECONDITION"),
            "not_available_region",
            "provider",
        ),
        (
            "openai",
            404,
            error("The model `x` does not exist or you do not have access to it."),
            "unknown_model",
            "model",
        ),
        (
            "mistral",
            429,
            {"object": "error", "message": "x", "code": "3505"},
            "overloaded",
            "model",
        ),
        ("lab", 404, "404 page not found", "invalid_param", "provider"),
        ("lab", 404, error("model 'x' not found"), "unknown_model", "model"),
        ("lab", 403, "<html>Just a moment...</html>", "not_available_region", "provider"),
        ("lab", 429, "<html>error code: 1015</html>", "rate_limit", "provider"),
        ("lab", 522, "<html>Connection timed out</html>", "overloaded", "provider"),
        ("openai", 400, error(code="string_above_max_length"), "invalid_param", "request"),
    ],
)
def test_a_status_that_misleads_is_read_by_what_is_said(at, status, body, means, scope):
    failure = read(at, status, body)
    assert (failure.meaning, failure.scope) == (means, scope)


def test_amazons_throttling_is_no_context_error():
    said = {"message": "Too many tokens, please wait before trying again."}
    header = {"x-amzn-errortype": "ThrottlingException:http://internal.amazon.com/x/"}
    assert read("aws", 429, said, header).meaning is FailureMeaning.RATE_LIMIT
    long = {"message": "Input is too long for requested model."}
    header = {"x-amzn-errortype": "ValidationException"}
    assert read("aws", 400, long, header).meaning is FailureMeaning.CONTEXT


@pytest.mark.parametrize(
    ("code", "means"),
    [(402, "out_of_money"), (429, "rate_limit"), (502, "server"), (401, "bad_key")],
)
def test_a_200_that_holds_an_error_is_read_as_what_it_says(code, means):
    failure = read("openrouter", 200, error("x", code=code))
    assert failure.meaning == means
    assert failure.billed is Billed.NO
    assert "zero-completion-insurance" in failure.source
    assert "carries an error: x" in failure.message
    assert read("lab", 200, error("x", code=code)).billed == ("maybe" if code == 502 else "no")
    whole = error("x", code=code) | {"usage": {"completion_tokens": 3, "prompt_tokens": 1}}
    assert read("openrouter", 200, whole).billed is Billed.MAYBE


@pytest.mark.parametrize("code", [3505, 1113, 99, 600, True, "12", None, 4.5, [429]])
def test_a_number_that_is_no_status_is_none(code):
    failure = read("lab", 200, error("x", code=code))
    assert (failure.meaning, failure.billed) == (FailureMeaning.UNREADABLE, Billed.MAYBE)


def inner(said, provider="OpenAI", **metadata):
    raw = json.dumps(said) if isinstance(said, dict) else said
    about = {"raw": raw, "provider_name": provider, **metadata}
    return error("Provider returned error", code=429, metadata=about)


def test_a_routers_error_is_read_by_the_rules_of_whose_it_is():
    limit = error("Rate limit reached: try again in 1m2.5s", code="rate_limit_exceeded")
    assert read("openrouter", 429, inner(limit)).wait == 62.5
    shared = read("openrouter", 429, inner("x is temporarily rate-limited upstream", "Chutes"))
    assert (shared.meaning, shared.retries) == (FailureMeaning.RATE_LIMIT, True)
    busy = inner(error("Overloaded", type="overloaded_error"), "Anthropic")
    assert read("openrouter", 529, busy).meaning is FailureMeaning.OVERLOADED
    broke = error("x", code="insufficient_quota")
    theirs = read("openrouter", 429, inner(broke, is_byok=False))
    assert (theirs.meaning, theirs.retries) == (FailureMeaning.OVERLOADED, True)
    ours = read("openrouter", 429, inner(broke, is_byok=True))
    assert ours.is_about_money
    assert not ours.source, "another provider bills it"


def test_only_what_is_documented_is_free():
    assert read("vertex", 503, "").billed is Billed.NO
    assert read("novita", 500, "").billed is Billed.NO
    assert read("google", 500, error(status="INTERNAL")).billed is Billed.NO
    assert read("google", 503, error(status="UNAVAILABLE")).billed is Billed.MAYBE
    assert read("lab-google", 500, error(status="INTERNAL")).billed is Billed.MAYBE, (
        "another server"
    )
    assert read("openrouter", 502, "<html>Bad gateway</html>").billed is Billed.MAYBE
    assert read("openrouter", 524, error(code=524)).billed is Billed.MAYBE
    assert read("azure", 400, error(code="content_filter")).billed is Billed.YES
    assert read("azure", 408, "").billed is Billed.YES
    assert read("x-ai", 403, {"error": "Content violates usage guidelines."}).billed is Billed.YES
    assert read("anthropic", 529, error(type="overloaded_error")).billed is Billed.MAYBE


def test_a_servers_word_on_retrying_beats_its_status_and_not_money():
    no, yes = {"x-should-retry": "false"}, {"X-Should-Retry": "true"}
    assert not read("lab", 500, error(), no).retries
    assert read("lab", 500, error(), no).billed is Billed.MAYBE
    assert read("lab", 400, error(), yes).retries
    assert not read("lab", 402, error(), yes).retries
    assert not read("openai", 429, error(code="insufficient_quota"), yes).retries
    assert read("lab", 500, error(), {"x-should-retry": "perhaps"}).retries


def test_a_built_in_providers_rules_hold_wherever_its_requests_go():
    moved = Provider("anthropic", "anthropic", "http://localhost:9", builtin_url=False)
    body = json.dumps(error(ANTHROPIC_CREDIT)).encode()
    assert read_failure(moved, 400, {}, body, None).is_about_money
    azure = Provider("work", "openai", "https://lab.openai.azure.com/openai/v1")
    filtered = json.dumps(error(code="content_filter")).encode()
    assert read_failure(azure, 400, {}, filtered, None).billed is Billed.YES
    vertex = Provider("work", "openai", "https://us-east1-aiplatform.googleapis.com/v1")
    assert read_failure(vertex, 503, {}, b"", None).billed is Billed.NO


def test_a_mend_names_the_provider_its_key_and_until_when():
    failure = read("openai", 401, error(code="invalid_api_key"))
    assert "set OPENAI_API_KEY" in describe_mend(failure, find_provider("openai"))
    stopped = read("anthropic", 400, error("reached your specified API usage limits"))
    assert "raise the spending limit at anthropic" in describe_mend(
        stopped, find_provider("anthropic")
    )
    for meaning in FailureMeaning:
        assert describe_mend(
            read("lab", 500, "").__class__("", meaning, FailureScope.MODEL, Billed.NO)
        )


FIELDS = ["error", "errors", "message", "code", "type", "status", "details", "metadata", "raw"]
FIELDS += ["detail", "choices", "base_resp", "availability", "retryDelay", "reason", "violations"]
FIELDS += ["headers", "provider_name", "status_code"]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(FIELDS) | st.text(max_size=5),
            inner,
            max_size=5,
        )
    ),
    max_leaves=15,
)
HEADERS = st.dictionaries(
    st.sampled_from(["retry-after", "Date", "retry-after-ms", "x-should-retry", "x-amzn-errortype"])
    | st.just("x-ratelimit-reset"),
    st.text(max_size=30) | st.integers().map(str) | st.floats().map(str),
)


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from([*builtin_providers(), *OWN]),
    st.integers(100, 999),
    HEADERS,
    st.binary(max_size=200) | JSON.map(lambda each: json.dumps(each).encode()),
)
def test_no_bytes_and_no_headers_do_harm(at, status, headers, body):
    failure = read_failure(find_provider(at), status, headers, body, None)
    assert failure.wait is None or 0 <= failure.wait < 400 * 86400
    assert len(failure.message) < 700
    assert describe_mend(failure)
    if failure.is_about_money:
        assert not failure.retries
