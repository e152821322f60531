"""The price book: the user's price first, then the sources', as of the day; never zero for none."""

from __future__ import annotations

import re
from datetime import date, timedelta
from decimal import Decimal

import pytest

from pricing.catalog.retirements import find_retirement
from pricing.errors import Unpriced
from pricing.money import Money
from pricing.price_book import PriceBook
from pricing.rates.rate_card import Rate, RateCard
from pricing.sources.genai import load_bundled
from pricing.sources.overlay import load_overlay
from pricing.sources.user_prices import PRICE_FILE, UserPrice, read_user_prices
from pricing.usage import Usage

DAY = date(2026, 11, 21)
PROVIDERS = (
    "anthropic", "aws", "deepinfra", "fireworks", "google", "groq", "my-lab", "novita", "openai",
    "openrouter", "together", "vllm", "x-ai",
)  # fmt: skip


def card(written: str, day: date = DAY, user: dict[str, UserPrice] | None = None) -> RateCard:
    book = PriceBook(day, user)
    return book.standard_card(book.resolve_name(written, PROVIDERS))


def elsewhere(
    written: str, day: date = DAY, user: dict[str, UserPrice] | None = None
) -> dict[str, RateCard]:
    book = PriceBook(day, user)
    offers = book.offers_at_other_providers(book.resolve_name(written, PROVIDERS))
    return {name.provider: offer.highest_on(day) for name, offer in offers}


@pytest.fixture
def prices(tmp_path):
    def read(text: str) -> dict[str, UserPrice]:
        (tmp_path / PRICE_FILE).write_text(text, encoding="utf-8")
        return read_user_prices([tmp_path])

    return read


def test_the_default_model_costs_what_its_provider_asks():
    priced = card("llama-3.1-70b")
    assert priced.cost(Usage(1_000_000, 1_000_000)) == Money.from_usd("0.80")
    assert priced.checked == date(2026, 9, 23)
    assert "DeepInfra" in priced.source


def test_a_price_of_the_overlay_is_not_known_before_the_day_on_which_it_was_read():
    model = ("deepinfra", "meta-llama/Meta-Llama-3.1-70B-Instruct-Turbo")
    assert load_overlay(date(2026, 9, 22)).find_tariff(*model) is None
    assert load_overlay(date(2026, 9, 23)).find_tariff(*model) is not None


@pytest.mark.parametrize(
    ("snapshot", "model"),
    [("gpt-4o-2024-08-06", "gpt-4o"), ("claude-opus-4-1-20250805", "claude-opus-4.1")],
)
def test_a_dated_snapshot_costs_what_its_model_costs(snapshot, model):
    assert card(snapshot).has_same_price(card(model))
    assert card(snapshot).model == snapshot


def test_a_dated_snapshot_with_a_price_of_its_own_keeps_it():
    assert card("gpt-4o-2024-05-13").cost(Usage(1_000_000, 1_000_000)) == Money.from_usd(20)
    assert card("gpt-4o").cost(Usage(1_000_000, 1_000_000)) == Money.from_usd("12.50")


def test_a_model_on_sale_moves_to_its_long_prompt_price_one_token_after_the_threshold():
    below, above = (card("gpt-5.4").cost(Usage(tokens, 0)) for tokens in (272_000, 272_001))
    assert (below, above) == (Money.from_usd("0.68"), Money.from_usd("1.360005"))


def test_a_price_that_is_announced_for_a_day_holds_from_that_day():
    now, then = (card("google/gemini-4-argon", day) for day in (DAY, date(2026, 12, 2)))
    assert then.cost(Usage(1000, 1000)) > now.cost(Usage(1000, 1000))


def test_an_announced_price_starts_at_its_first_hour():
    start = date(2026, 12, 1)
    day_before = card("google/gemini-4-argon", start - timedelta(days=1))
    assert not card("google/gemini-4-argon", start).has_same_price(day_before)
    assert card("google/gemini-4-argon", DAY).has_same_price(day_before)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_no_model_of_any_source_is_priced_at_zero(provider):
    priced = [
        period.card
        for source in PriceBook(DAY).sources
        for model_id in source.model_ids(provider)
        if (tariff := source.find_tariff(provider, model_id))
        for period in tariff.periods
    ]
    assert not [each for each in priced if not (each.input.base and each.output.base)]


def test_a_free_model_of_openrouter_is_unpriced_and_not_free():
    free = [
        model_id
        for model_id in load_bundled(DAY).model_ids("openrouter")
        if model_id.endswith(":free")
    ]
    assert free
    book = PriceBook(DAY)
    for model_id in free:
        name = book.resolve_name(f"openrouter/{model_id}", PROVIDERS)
        with pytest.raises(Unpriced, match=re.escape(model_id)):
            book.standard_card(name)


def test_an_unpriced_model_says_what_its_provider_does_sell():
    with pytest.raises(Unpriced, match="openai has gpt-4o, "):
        card("openai/gpt-4oo")


@pytest.mark.parametrize(
    "written",
    [
        "vllm/llama-3.1-70b",
        "my-lab/some/model",
        "deepinfra/nonesuch",
        "openrouter/deepseek/deepseek-r1:free",
        "fireworks/llama-3.1-70b",
    ],
)
def test_the_line_that_an_unpriced_model_asks_for_prices_it(written, prices):
    with pytest.raises(Unpriced) as error:
        card(written)
    message, _, lines = str(error.value).partition("\n")
    assert PRICE_FILE in message
    user = prices(f"prices:\n{lines}".replace("…", "0.25"))
    assert card(written, user=user).cost(Usage(4_000_000, 4_000_000)) == Money.from_usd(2)


@pytest.mark.parametrize(
    "entry",
    [
        "deepinfra/llama-3.1-70b",
        "deepinfra/meta-llama/Meta-Llama-3.1-70B-Instruct-Turbo",
        "llama-3.1-70b",
    ],
)
def test_the_users_price_beats_the_sources_under_every_name_of_the_model(entry, prices):
    user = prices(f"prices:\n  {entry}: {{input: 7, output: 8}}\n")
    priced = card("llama-3.1-70b", user=user)
    assert (priced.input, priced.output) == (Rate(Decimal(7)), Rate(Decimal(8)))
    assert (priced.provider, priced.model) == (
        "deepinfra",
        "meta-llama/Meta-Llama-3.1-70B-Instruct-Turbo",
    )
    assert priced.source == PRICE_FILE


def test_the_users_price_for_one_provider_is_no_price_at_another(prices):
    user = prices("prices:\n  deepinfra/llama-3.1-70b: {input: 7, output: 8}\n")
    assert card("novita/llama-3.1-70b", user=user).has_same_price(card("novita/llama-3.1-70b"))


def test_a_user_may_name_the_source_whose_price_is_taken(prices):
    user = prices("prices:\n  llama-3.1-70b: {use: litellm}\n")
    assert card("llama-3.1-70b", user=user).source.startswith("litellm")
    user = prices("prices:\n  llama-3.1-70b: {use: nonesuch}\n")
    with pytest.raises(Unpriced, match="'nonesuch' has no price for it; sources that do: overlay"):
        card("llama-3.1-70b", user=user)


def test_no_retired_provider_is_offered_elsewhere():
    offered = elsewhere("llama-3.1-70b")
    assert {"aws", "openrouter"} <= offered.keys()
    assert not {"deepinfra", "groq", "novita", "together"} & offered.keys()


def test_a_provider_is_offered_until_the_day_on_which_it_retires_a_model():
    assert "google" in elsewhere("openrouter/gemini-2.5-pro", date(2026, 11, 30))
    assert "google" not in elsewhere("openrouter/gemini-2.5-pro", date(2026, 12, 1))


def test_a_model_without_an_alias_is_offered_nowhere_else():
    assert elsewhere("openrouter/deepseek/deepseek-r1:free") == {}


@pytest.mark.parametrize("written", ["llama-3.1-70b", "deepinfra/llama-3.1-70b"])
def test_other_providers_are_offered_at_their_own_price_and_not_at_the_users_for_this_one(
    written, prices
):
    user = prices("prices:\n  deepinfra/llama-3.1-70b: {input: 0.01, output: 0.01}\n")
    assert elsewhere(written, user=user) == elsewhere(written)


def test_another_provider_is_offered_at_the_price_that_the_user_has_there(prices):
    user = prices("prices:\n  openrouter/llama-3.1-70b: {input: 0.01, output: 0.02}\n")
    assert elsewhere("llama-3.1-70b", user=user)["openrouter"].output == Rate(Decimal("0.02"))


def test_a_retirement_is_known_from_the_day_on_which_it_was_read():
    assert find_retirement("google", "gemini-2.5-pro", date(2026, 11, 9)) is None
    known = find_retirement("google", "gemini-2.5-pro", date(2026, 11, 10))
    assert (known.retires_on, known.successor) == (date(2026, 12, 1), "gemini-3.8-flash")


def test_a_dated_snapshot_is_retired_with_its_model():
    assert find_retirement("google", "gemini-2.5-pro-2025-06-17", DAY).retires_on == date(
        2026, 12, 1
    )
    assert find_retirement("google", "gemini-2.5-pronto", DAY) is None


@pytest.mark.parametrize("written", ["claude-opus-4.1", "openrouter/anthropic/claude-opus-4.5"])
def test_cache_writes_that_must_be_asked_for_stay_out_of_a_ceiling(written):
    priced = card(written)
    assert priced.cache_write.base > priced.input.base
    assert priced.worst_case_cost(1000, 0) == priced.cost(Usage(1000, 0))


def test_cache_writes_that_a_provider_prices_may_be_billed_unasked(prices):
    user = prices("prices:\n  my-lab/m: {input: 1, output: 1, cache_write: 2}\n")
    assert card("my-lab/m", user=user).worst_case_cost(1_000_000, 0) == Money.from_usd(2)


def test_a_context_window_is_known_by_alias_or_source_or_not_at_all():
    book = PriceBook(DAY)
    known = {
        written: book.context_window(book.resolve_name(written, PROVIDERS))
        for written in ("my-lab/llama-3.1-70b", "gpt-4o", "my-lab/m")
    }
    assert known == {"my-lab/llama-3.1-70b": 131_072, "gpt-4o": 128_000, "my-lab/m": None}
