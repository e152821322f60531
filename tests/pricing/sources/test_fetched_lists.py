"""A price list that was kept on disk is what was fetched, or it is refused."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pricing.errors import BadPriceFile
from pricing.sources import fetched_lists as refreshed
from tests.pricing.arbitrary_json import DAMAGES, JSON, encoded
from tests.pricing.price_lists import DAY, KEPT, ROWS


@settings(max_examples=200)
@given(DAMAGES, st.sampled_from([300, None]))  # what stands before the rows is a small part
def test_a_fetched_list_that_was_damaged_on_disk_is_refused_or_the_same_to_the_digit(damage, head):
    whole = KEPT["openrouter"].encode()
    body = damage.to(whole[:head]) + (whole[head:] if head else b"")
    with tempfile.TemporaryDirectory() as place:
        refreshed.price_list_path(Path(place), "openrouter").write_bytes(body)
        try:
            [table] = refreshed.read_price_lists(Path(place))
        except BadPriceFile as error:
            assert "afcost prices update" in str(error)  # noqa: PT017 - it need not be refused
            return
    assert (table.name, table.checked) == ("openrouter", DAY)
    assert (table.rows == ROWS["openrouter"]) is True  # the difference is too long to show


@pytest.mark.parametrize(
    ("old", "new"), [('"2026-11-21"', '"2026-11-29"'), ('"openrouter"', '"litellm"')]
)
def test_a_fetched_list_whose_day_or_name_was_altered_is_refused(old, new, tmp_path):
    text = KEPT["openrouter"].replace(old, new, 1)
    refreshed.price_list_path(tmp_path, "openrouter").write_text(text)
    with pytest.raises(BadPriceFile):
        refreshed.read_price_lists(tmp_path)


@settings(max_examples=100)
@given(JSON)
def test_any_json_in_the_place_of_a_fetched_list_is_refused(payload):
    with tempfile.TemporaryDirectory() as place:
        path = refreshed.price_list_path(Path(place), "openrouter")
        path.write_bytes(encoded(payload))
        with pytest.raises(BadPriceFile):
            refreshed.read_price_lists(Path(place))
