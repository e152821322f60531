"""What an error says is read from its structure, never from words that it may repeat."""

import json

import pytest

from providers.error_body import is_key_refused

GOOGLE = {
    "error": {
        "code": 400,
        "message": "API key not valid. Please pass a valid API key.",
        "status": "INVALID_ARGUMENT",
        "details": [
            {"@type": "type.googleapis.com/google.rpc.LocalizedMessage"},
            {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"},
        ],
    }
}


def test_googles_400_for_a_wrong_key_is_one():
    assert is_key_refused(json.dumps(GOOGLE).encode())


@pytest.mark.parametrize(
    "body",
    [
        {"error": {"message": "your prompt says API_KEY_INVALID", "details": []}},
        {"error": {"details": [{"reason": "API_KEY_INVALID_OR_SO"}, "API_KEY_INVALID"]}},
        {"error": {"details": {"reason": "API_KEY_INVALID"}}},
        {"error": "API_KEY_INVALID"},
        [{"reason": "API_KEY_INVALID"}],
        "API_KEY_INVALID",
    ],
)
def test_other_errors_are_not(body):
    assert not is_key_refused(json.dumps(body).encode())
    assert not is_key_refused(b"API_KEY_INVALID {")
