"""Whatever stands in a user's price file, it is a price or refused."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pricing.errors import BadPriceFile
from pricing.rates.rate_card import TOKEN_CLASSES
from pricing.sources.user_prices import PRICE_FILE, read_user_prices
from pricing.usage import Usage
from tests.pricing.arbitrary_json import DAMAGES, JSON, LEAVES, encoded

WHOLE = """\
prices:
  my-lab/llama: {input: 0.40, output: 0.40, cache_read: 0.1, per_request: 0.001}
  other/m:
    {input: 1, output: 2, checked: 2026-11-20, above: {200000: {input: 2, output: 4}},
     batch: {input: 0.5, output: 1}}
  groq/m: {use: litellm}
"""
FIELDS = st.sampled_from(
    [
        *TOKEN_CLASSES,
        "above",
        "batch",
        "flex",
        "priority",
        "per_request",
        "checked",
        "source",
        "use",
    ]
)
ENTRIES = st.dictionaries(
    FIELDS | st.text(max_size=3),
    LEAVES | st.dictionaries(FIELDS | st.integers(0, 10**6).map(str), JSON, max_size=3),
    max_size=5,
)
USER_FILES = (
    st.text(max_size=60).map(str.encode)
    | st.binary(max_size=60)
    | DAMAGES.map(lambda damage: damage.to(WHOLE.encode()))
    | JSON.map(lambda entry: encoded({"prices": entry}))
    | st.dictionaries(st.text(max_size=6), ENTRIES | ENTRIES.map(lambda e: {"input": 1, "output": 1}
                      | e), max_size=3).map(lambda prices: encoded({"prices": prices}))
)  # fmt: skip


@settings(max_examples=300)
@given(USER_FILES)
@example(b"prices: {a/m: {input: 1, output: 1, above: {? %s : {input: 2}}}}" % (b"9" * 5_000))
@example(encoded({"prices": {"a/m": {"input": "1e999999999999999999", "output": 1}}}))
@example(b"prices: " + b"[" * 1_000)
def test_whatever_stands_in_a_users_price_file_is_a_price_or_refused(body):
    with tempfile.TemporaryDirectory() as place:
        (Path(place) / PRICE_FILE).write_bytes(body)
        try:
            prices = read_user_prices([Path(place)])
        except BadPriceFile as error:
            assert PRICE_FILE in str(error)  # noqa: PT017 - it need not be refused
            return
    for price in prices.values():
        for card in (*([price.card] if price.card else ()), *(card for _, card in price.tiers)):
            assert card.cost(Usage(10**6, 10**6, 1, 1, 0, 1)).pico >= 0
            rates = [rate for name in TOKEN_CLASSES if (rate := getattr(card, name))]
            for number in (
                card.per_request,
                *(p for r in rates for p in (r.base, *dict(r.tiers).values())),
            ):
                assert number.is_finite()
                assert number >= 0


def test_a_price_that_unfolds_into_millions_is_refused_in_few_words(tmp_path):
    doubled = "".join(f"l{at}: &l{at} [*l{at - 1}, *l{at - 1}]\n" for at in range(1, 15))
    text = f"l0: &l0 [x]\n{doubled}prices: {{a/m: {{input: *l14, output: 1}}}}\n"
    (tmp_path / PRICE_FILE).write_text(text)
    with pytest.raises(BadPriceFile) as error:
        read_user_prices([tmp_path])
    assert len(str(error.value)) < 2_000
