"""Bills of several answers to one request: their parts are whole, and add up to what was billed."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pricing.money import Money
from pricing.usage import Usage
from providers.reply import Choice, ModelResponse
from runner.billing.settlement import Settlement
from runner.billing.shared_bill import split_bill, split_output, split_whole
from tests.runner.sample_experiment import STEADY

NUMBERS = st.integers(0, 10**15)


class Letters:
    """Counts a token for each letter."""

    def count_text(self, text):
        return len(text)


def answer(*texts, output, stated=None, **fields):
    choices = tuple(Choice(text, "", "stop") for text in texts)
    usage = Usage(40, output, cache_read=5, reasoning=fields.pop("hidden", 0))
    money = None if stated is None else Money(stated)
    raw = {"prompt_tokens": 45, "completion_tokens": output}
    response = ModelResponse(texts[0], "", "stop", usage, money, "m", "id", raw, **fields)
    return replace(response, choices=choices if len(choices) > 1 else ())


def split(response, billed, of_output, *, max_tokens=100, wanted=3):
    settlement = Settlement(Money(billed), output=Money(of_output))
    return split_bill(response, settlement, Letters(), max_tokens, wanted)


def test_the_first_answer_has_the_prompt_and_each_its_own_output():
    bills = split(answer("aaaa", "bb", "c", output=10), billed=1_000, of_output=200)
    usages = [each.response.usage for each in bills]
    assert usages == [Usage(40, 5, cache_read=5), Usage(0, 3), Usage(0, 2)], "and a token each"
    assert [each.billed.pico for each in bills] == [900, 60, 40]
    assert [each.response.text for each in bills] == ["aaaa", "bb", "c"]
    assert not any(each.response.choices or each.response.other_texts for each in bills[1:])


def test_one_answer_has_the_whole_bill():
    response = answer("aaaa", output=10)
    assert split(response, 1_000, 200) == [split(response, 1_000, 200, wanted=1)[0]]
    assert split(response, 1_000, 200)[0].response is response


def test_an_answer_that_nobody_asked_for_is_billed_and_not_kept():
    bills = split(answer("a", "b", "c", output=9), billed=90, of_output=9, wanted=2)
    assert sum(each.billed.pico for each in bills) == 90
    assert sum(each.response.usage.output for each in bills) == 9
    assert len(bills) == 2


def test_what_the_provider_states_is_split_as_well():
    costs = (("estimated_cost", Money(1_003)),)
    response = answer("aaaa", "bb", "c", output=10, stated=1_001, costs=costs)
    bills = split(response, 1_000, 200)
    stated = [each.response.stated_cost for each in bills]
    assert sum(each.pico for each in stated) == 1_001
    raw = [each.response.raw_usage for each in bills]
    estimates = [Money.from_usd(each["estimated_cost"]).pico for each in raw]
    assert sum(estimates) == 1_003
    assert raw[0]["of_all"] == response.raw_usage
    assert [(each["choice"], each["choices"]) for each in raw] == [(0, 3), (1, 3), (2, 3)]
    assert json.dumps(raw)


def test_an_answer_that_shows_nothing_and_says_nothing_has_failed():
    response = answer("a", "b", output=9)
    choices = (Choice("", "", ""), Choice("", "", "", refusal="no"), Choice("", "", "length"))
    bills = split(replace(response, choices=choices), 90, 9)
    assert [each.response.finish for each in bills] == ["error", "", "length"]


@STEADY
@given(NUMBERS, st.lists(st.integers(0, 10**6), min_size=1, max_size=20))
def test_a_whole_number_is_split_into_whole_parts(total, weights):
    parts = split_whole(total, weights)
    assert sum(parts) == total
    assert min(parts) >= 0
    if any(weights):
        shares = [total * weight / sum(weights) for weight in weights]
        assert all(
            abs(part - share) <= 1 + 1e-9 * total for part, share in zip(parts, shares, strict=True)
        )


@STEADY
@given(st.data(), st.integers(1, 50), st.lists(st.integers(0, 100), min_size=2, max_size=20))
def test_output_is_split_so_that_no_answer_has_more_than_it_may(data, most, shown):
    total = data.draw(st.integers(0, most * len(shown)))
    parts = split_output(total, shown, most)
    assert sum(parts) == total
    assert max(parts) <= most
    if total >= len(shown):
        assert min(parts) >= 1


@pytest.mark.parametrize("total", [101, 1000])
def test_output_beyond_all_limits_is_split_all_the_same(total):
    parts = split_output(total, [1, 2, 3, 0], 25)
    assert sum(parts) == total
    assert min(parts) >= 1


@STEADY
@given(st.data(), st.lists(st.integers(0, 30), min_size=2, max_size=8))
def test_the_parts_of_a_bill_add_up(data, lengths):
    output = data.draw(st.integers(0, 10**6))
    hidden = data.draw(st.integers(0, output))
    of_output = data.draw(st.integers(0, 10**12))
    billed = data.draw(st.integers(of_output, 10**13))
    stated = data.draw(st.none() | st.integers(0, 10**13))
    texts = ["x" * length for length in lengths]
    response = answer(*texts, output=output, stated=stated, hidden=hidden)
    bills = split(response, billed, of_output, max_tokens=10**6, wanted=8)
    usages = [each.response.usage for each in bills]
    assert sum(each.billed.pico for each in bills) == billed
    assert min(each.billed.pico for each in bills) >= 0
    assert sum(each.output for each in usages) == output
    assert sum(each.reasoning for each in usages) == hidden
    assert all(each.reasoning <= each.output for each in usages)
    assert sum(each.prompt_tokens for each in usages) == 45
    if stated is not None:
        assert sum(each.response.stated_cost.pico for each in bills) == stated
