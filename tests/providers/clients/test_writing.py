"""What is sent on is the client's body, with the limit and the usage that its money needs."""

import json

import pytest

from providers.clients import ClientApi, read_call, write_body

CHAT, RESPONSES, MESSAGES, GENERATE = ClientApi
SENT = {
    CHAT: b'{"model": "m", "messages": [{"role":"user","content":"\\u00e9 \xc3\xa9"}], "seed":7%s}',
    RESPONSES: b'{"model": "m", "input": "Hi"%s}',
    MESSAGES: b'{"model": "m", "messages": []%s}',
    GENERATE: b'{"contents": []%s}',
}


def write(api, more=b"", *, limit=99, **options):
    call = read_call(api, SENT[api] % more, model="m")
    return write_body(call, limit=limit, **options)


@pytest.mark.parametrize(
    ("api", "fields"),
    [
        (CHAT, {"max_completion_tokens": 99}),
        (RESPONSES, {"max_output_tokens": 99}),
        (MESSAGES, {"max_tokens": 99}),
        (GENERATE, {"generationConfig": {"maxOutputTokens": 99}}),
    ],
)
def test_the_limit_is_written_where_there_is_none(api, fields):
    plain = json.loads(SENT[api] % b"")
    assert json.loads(write(api)) == plain | fields
    assert json.loads(write(api, limit=None)) == plain


@pytest.mark.parametrize(
    ("api", "more"),
    [
        (CHAT, b', "max_tokens": 5'),
        (CHAT, b', "max_completion_tokens": 5'),
        (RESPONSES, b', "max_output_tokens": 5'),
        (MESSAGES, b', "max_tokens": 5'),
        (GENERATE, b', "generationConfig": {"maxOutputTokens": 5}'),
        (GENERATE, b', "generation_config": {"max_output_tokens": 5}'),
    ],
)
def test_a_limit_of_the_clients_stays(api, more):
    assert json.loads(write(api, more)) == json.loads(SENT[api] % more)


@pytest.mark.parametrize(
    ("more", "config"),
    [
        (b', "generationConfig": {"topK": 5}', {"topK": 5, "maxOutputTokens": 99}),
        (b', "generationConfig": null', {"maxOutputTokens": 99}),
    ],
)
def test_googles_other_settings_stay(more, config):
    assert json.loads(write(GENERATE, more))["generationConfig"] == config


def test_a_null_in_snake_case_is_no_second_limit():
    written = json.loads(write(GENERATE, b', "generation_config": {"max_output_tokens": null}'))
    assert written["generation_config"] == {"maxOutputTokens": 99}


def test_nothing_else_changes_and_numbers_keep_all_their_digits():
    more = b', "temperature": 0.10000000000000000001, "top_p": 1.0, "logit_bias": {"5": 1E+2}'
    written = write(CHAT, more)
    for kept in (b"0.10000000000000000001", b'"top_p":1.0', b"1E+2", b"\\u00e9 \xc3\xa9"):
        assert kept in written


def test_of_a_field_that_is_given_twice_the_one_that_was_read_is_sent():
    call = read_call(CHAT, SENT[CHAT] % b', "max_tokens": 5, "max_tokens": 6')
    assert call.limit == 6
    assert write_body(call, limit=9).count(b"max_tokens") == 1
    twice = b', "generationConfig": {"maxOutputTokens": 500, "maxOutputTokens": 6}'
    assert json.loads(SENT[GENERATE] % twice)["generationConfig"]["maxOutputTokens"] == 6
    assert write(GENERATE, twice).count(b"maxOutputTokens") == 1


def test_the_names_that_a_provider_has_for_them_are_written():
    written = json.loads(
        write(CHAT, b', "stream": true', model_id="x", limit_field="max_tokens", asks_usage=False)
    )
    assert (written["model"], written["max_tokens"]) == ("x", 99)
    assert "stream_options" not in written
    given = json.loads(write(CHAT, b', "max_completion_tokens": 5', limit_field="max_tokens"))
    assert (given["max_tokens"], given["max_completion_tokens"]) == (5, 5)
    assert "model" not in json.loads(write(GENERATE, model_id="x"))


@pytest.mark.parametrize(
    ("more", "options"),
    [
        (b', "stream": true', {"include_usage": True}),
        (b', "stream": true, "stream_options": null', {"include_usage": True}),
        (b', "stream": true, "usage": {"include": true}', {"include_usage": True}),
        (
            b', "stream": true, "stream_options": {"include_obfuscation": false}',
            {"include_obfuscation": False, "include_usage": True},
        ),
        (
            b', "stream": true, "stream_options": {"include_usage": false}',
            {"include_usage": True},
        ),
        (b', "stream": false', None),
    ],
)
def test_a_streamed_chat_completion_is_asked_for_its_usage(more, options):
    assert json.loads(write(CHAT, more)).get("stream_options") == options


@pytest.mark.parametrize(
    ("more", "tier"),
    [
        (b"", "default"),
        (b', "service_tier": "auto"', "default"),
        (b', "service_tier": null', "default"),
    ],
)
def test_the_standard_price_is_asked_for_where_the_choice_is_the_providers(more, tier):
    assert json.loads(write(CHAT, more, tier="default"))["service_tier"] == tier
    assert "service_tier" not in json.loads(write(CHAT))
