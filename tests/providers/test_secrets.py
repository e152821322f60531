"""A key is found however it is written, and nothing else is taken for one."""

from __future__ import annotations

import base64
import json
import time
import tracemalloc
from decimal import Decimal
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from providers import secrets
from providers.error_body import extract_error_message
from providers.secrets import (
    quote_value,
    redact_addresses,
    redact_message,
    redact_secrets,
    redact_values,
    remember_password,
    remember_secret,
)

KEY = "sk-proj-Zk9_aW3-qM7xT2vB8nR4yL6c"
LONG = "sk-ant-api03-" + "Qw7eRt5yUi3oPa9sDf1gHj8kLz4xCv6bNm2" * 4
PASSWORD = "p@ss/w%rd #7"  # noqa: S105 - of nothing


@pytest.fixture(autouse=True)
def _secrets(monkeypatch):
    monkeypatch.setattr(secrets, "_secrets", set())
    monkeypatch.setattr(secrets, "_words", set())
    for value in (KEY, LONG, "x", "EMPTY", "ollama", "", None, " \n"):
        remember_secret(value)


def percent_encode(text: str) -> str:
    return "".join(f"%{ord(each):02X}" for each in text)


WAYS = {
    "as it is": str,
    "in capitals": str.upper,
    "in small letters": str.lower,
    "percent-encoded": percent_encode,
    "percent-encoded twice": lambda key: quote(percent_encode(key)),
    "escaped in JSON": lambda key: "".join(f"\\u{ord(each):04x}" for each in key),
    "a dash escaped": lambda key: key.replace("-", "\\u002d"),
    "JSON in JSON": lambda key: json.dumps(json.dumps(key.replace("-", "\\u002d"))),
    "as Python's bytes": lambda key: "".join(f"\\x{ord(each):02x}" for each in key),
    "escaped in HTML": lambda key: "".join(f"&#{ord(each)};" for each in key),
    "in hexadecimal": lambda key: key.encode().hex(),
    "in HEXADECIMAL": lambda key: key.encode().hex().upper(),
    "backwards": lambda key: key[::-1],
    "over lines": "\n".join,
    "with spaces": " ".join,
    "with spaces of no width": "\u200b".join,
    "only its beginning": lambda key: key[:16],
    "only its end": lambda key: key[-16:],
    "base64": lambda key: base64.b64encode(key.encode()).decode(),
    "base64 over lines": lambda key: "\r\n".join(base64.b64encode(key.encode()).decode()),
    "base64 of a header": lambda key: base64.b64encode(f"Bearer {key}".encode()).decode(),
    "base64 of a line": lambda key: base64.b64encode(f"a: {key}\r\n".encode()).decode(),
    "base64 for addresses": lambda key: base64.urlsafe_b64encode(f"??{key}??".encode()).decode(),
}  # fmt: skip


@pytest.mark.parametrize("key", [KEY, LONG], ids=["short", "long"])
@pytest.mark.parametrize("way", WAYS)
def test_a_key_is_replaced_however_it_is_written(key, way):
    written = WAYS[way](key)
    said = redact_secrets(f"Your key is {written}, they say.")
    assert "[key]" in said
    assert written not in said
    for start in range(len(written) - 11):  # what may be left of base64 is a few characters
        assert written[start : start + 12] not in said
    assert said.startswith("Your key is ")
    assert said.endswith(", they say.")


@given(
    st.binary(max_size=5),
    st.text("abcdefghijklmnopqrstuvwxyzABCDEF0123456789-_.", min_size=8, max_size=60),
    st.binary(max_size=5),
)
@settings(max_examples=60)
def test_any_key_is_found_at_any_place_of_base64(before, key, after):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(secrets, "_secrets", {key})
        written = base64.b64encode(before + key.encode() + after).decode()
        assert base64.b64encode(key.encode()).decode().rstrip("=")[2:-3] not in redact_secrets(
            written
        )
        assert "[key]" in redact_secrets(written)


def test_the_text_around_a_key_stays_as_it_is():
    for text in ("", "İstanbul \x1b ſ \u202e ", "a%20b \\u0041 &#65; ", "\ud800"):
        assert redact_secrets(text) == text
        assert redact_secrets(f"{text}{KEY}{text}{KEY}") == f"{text}[key]{text}[key]"


def test_a_short_value_does_not_shred_an_answer():
    text = "An EMPTY box; ollama says x = 10, exactly."
    assert redact_secrets(text) == text
    assert redact_message("wrong key: EMPTY (EMPTYING)") == "wrong key: [key] (EMPTYING)"
    assert redact_message("x = 10") == "x = 10"


def test_a_common_beginning_of_keys_is_not_a_key():
    text = "Keys begin with sk-proj- or sk-ant-api03-, as every manual says."
    assert redact_message(text) == text


def test_a_password_is_found_as_it_is_and_as_it_stands_in_an_address():
    remember_secret(PASSWORD)
    assert redact_message(f"for {PASSWORD}!") == "for [key]!"
    assert "[key]" in redact_message(f"no database at //ada/{quote(PASSWORD, safe='')}?x")


def test_a_password_that_is_a_word_is_replaced_in_messages_alone():
    remember_password("postgres")
    text = "postgresql://postgres@host/db"
    assert redact_addresses(text) == redact_secrets(text) == text
    assert redact_message('wrong: "postgres"') == 'wrong: "[key]"'
    remember_password("a-long-password-of-a-lab")
    assert redact_secrets("a-long-password-of-a-lab") == "[key]"


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("http://ada:secret@host/v1", "http://ada:[key]@host/v1"),
        ("https://host/v1?api-key=abc&v=2", "https://host/v1?api-key=[key]&v=2"),
        ("https://host/v1?v=2&sig=abc", "https://host/v1?v=2&sig=[key]"),
        ("https://host:8080/v1?page=2", "https://host:8080/v1?page=2"),
        ('{"a": "http://host:80", "b": "c@d"}', '{"a": "http://host:80", "b": "c@d"}'),
    ],
)
def test_what_an_address_hides_is_not_shown(address, shown):
    assert redact_addresses(address) == shown


@pytest.mark.parametrize("padding", [0, 17, 55, 280, 295])
def test_a_key_is_replaced_before_a_text_is_cut(padding):
    text = "." * padding + LONG
    for said in (quote_value(text), extract_error_message(text.encode(), None)):
        assert LONG[:14] not in said
        assert len(said) <= 300


def test_a_value_of_megabytes_is_quoted_shortly_and_quickly():
    began = time.process_time()
    assert quote_value(Decimal("30.5")) == "30.5"  # as it came
    assert len(quote_value("9" * 3_000_000)) <= 60
    assert len(quote_value(["9" * 3_000_000])) <= 60
    assert time.process_time() - began < 2


@pytest.mark.parametrize("before", [2**16 - 40, 2**16 - 1, 2**16, 2**16 + 2**13 - 5, 2**17 - 7])
def test_a_key_is_found_wherever_it_stands_in_a_long_text(before):
    written = " ".join(KEY)
    text = "." * before + written + "." * 2**16 + written
    assert redact_secrets(text) == "." * before + "[key]" + "." * 2**16 + "[key]"


def test_keys_in_an_answer_of_megabytes_do_not_take_its_memory_many_times():
    text = f"A key: {KEY}. " * 3_000
    tracemalloc.start()
    try:
        assert redact_secrets(text) == "A key: [key]. " * 3_000
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 20 * 2**20


def test_a_long_answer_is_filtered_in_no_time():
    began = time.process_time()
    text = "Hello, world; how are you today? " * 6000
    assert redact_secrets(text) == text
    assert time.process_time() - began < 2


def test_what_may_stand_in_a_secret_is_the_same_for_both_ways_of_looking():
    gaps = {
        code for code in range(0x10000) if (m := secrets._ESCAPE.fullmatch(chr(code))) and m["gap"]
    }
    assert set(secrets._GAPS) == gaps - {ord("\\")}


@pytest.mark.parametrize("secret", [KEY, 'a "quoted\\" pass\nword'])
def test_a_document_without_its_secrets_is_json_still(secret):
    remember_secret(secret)
    ends = ("", '"', '\\"', "\\", ' ", "other": "')
    for before in ("", "http://h/?key=", "http://h/?a=1&token=x", "http://u:"):
        for text in (f"{before}{part}{end}" for part in (secret, secret[:16]) for end in ends):
            told = json.loads(json.dumps(redact_values({text: [text, 1, None]})))
            assert list(told.values()) == [[redact_addresses(text), 1, None]]
            assert secret not in f"{told}"


def test_a_short_text_that_was_seen_before_its_key_was_read_is_replaced_from_then_on():
    text = "the key other-Key-5f3a9c"
    assert redact_secrets(text) == text
    remember_secret("other-Key-5f3a9c")
    assert redact_secrets(text) == "the key [key]"
