"""Bodies: what `json` would send and read, whichever library does it."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.transport.json_body import read_json, write_json
from tests.runner.sample_experiment import STEADY

TEXTS = st.one_of(st.text(), st.text(st.characters(categories=["Cs", "Cc", "Ll"])))
NUMBERS = st.one_of(st.integers(), st.just(2**64), st.just(-(10**30)), st.floats())
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBERS, TEXTS),
    lambda each: st.one_of(st.lists(each, max_size=3), st.dictionaries(TEXTS, each, max_size=3)),
    max_leaves=12,
)
# Pieces of JSON, which are put together without any care.
PIECES = st.lists(
    st.sampled_from(
        [
            *'[]{},:" é\ufeff',
            *("1", "-0", "1.50", "1E5", "0.1e-3", "9" * 30, "NaN", "null", "true"),
            *('"a"', '"\\ud800"', '"\\u0000"', '"\x01"', '{"a":1}'),
        ]
    ),
    max_size=8,
)


def read_slowly(body):
    return json.loads(body, parse_float=Decimal)


def read_by(read, body):
    """Return what is read with the types of it, or the kind of error."""
    try:
        return repr(read(body))
    except (ValueError, ArithmeticError, RecursionError) as error:
        return f"{type(error)}: {error}"


@settings(STEADY, max_examples=200)
@given(VALUES)
def test_what_is_sent_means_what_it_says(value):
    assert repr(read_slowly(write_json(value))) == repr(read_slowly(json.dumps(value)))


@settings(STEADY, max_examples=200)
@given(st.one_of(VALUES.map(lambda value: json.dumps(value).encode()), st.binary(max_size=6)))
def test_an_answer_is_read_as_ever(body):
    assert read_by(read_json, body) == read_by(read_slowly, body)


@settings(STEADY, max_examples=300)
@given(PIECES, st.sampled_from(["utf-8", "utf-16", "utf-32", "latin-1"]))
def test_what_is_no_json_is_refused_in_the_same_words(pieces, encoding):
    body = "".join(pieces).encode(encoding, "replace")
    assert read_by(read_json, body) == read_by(read_slowly, body)


@pytest.mark.parametrize("body", [b"[" * 100_000, b"9" * 5000, b"1e99999999999999999999"])
def test_what_is_too_much_to_be_read_is_refused(body):
    assert read_by(read_json, body) == read_by(read_slowly, body)


def test_what_json_cannot_hold_is_not_sent():
    with pytest.raises(TypeError):
        write_json({"temperature": Decimal("0.5")})
