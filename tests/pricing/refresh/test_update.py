"""A fetched price list is taken whole and believable, or not at all: then nothing has changed."""

from __future__ import annotations

import contextlib
import copy
import gzip
import itertools
import json
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from genai_prices.data_snapshot import get_snapshot
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pricing.catalog.model_names import ModelName
from pricing.errors import BadPriceFile, CannotUpdate
from pricing.money import Money
from pricing.price_book import PriceBook
from pricing.rates.rate_card import TOKEN_CLASSES, Rate, RateCard
from pricing.rates.tariff import Tariff
from pricing.refresh import update as updating
from pricing.refresh.update import list_feeds, update_feed
from pricing.sources import deepinfra, openrouter
from pricing.sources import fetched_lists as refreshed
from pricing.sources.table import PriceTable
from pricing.sources.user_prices import PRICE_FILE, read_user_prices
from pricing.usage import Usage

DAY = date(2026, 11, 21)
LATER = date(2026, 11, 22)
FEEDS = {feed.name: feed for feed in list_feeds()}
Change = Callable[[Any], None]


# -- lists as their providers publish them ---------------------------------------------------------


def openrouter_list(models: int = 60, prompt: str = "0.000001") -> dict[str, Any]:
    priced = {"prompt": prompt, "completion": "0.000002", "request": "0", "input_cache_read": ""}
    return {
        "data": [
            {"id": f"lab/m{at}", "context_length": 8192, "pricing": dict(priced)}
            for at in range(models)
        ]
    }


def deepinfra_list(models: int = 24, entry: float = 0.00004) -> list[dict[str, Any]]:
    priced = {"type": "tokens", "cents_per_input_token": entry, "cents_per_output_token": 0.0001}
    return [
        {"model_name": f"lab/m{at}", "max_tokens": 8192, "pricing": dict(priced)}
        for at in range(models)
    ]


def genai_list() -> list[dict[str, Any]]:
    """Give the package's own models in the form in which they are published."""

    def rate(value: Any) -> Any:
        if value is None or isinstance(value, Decimal):
            return value if value is None else float(value)
        tiers = [{"start": tier.start, "price": float(tier.price)} for tier in value.tiers]
        return {"base": float(value.base), "tiers": tiers}

    def prices(each: Any) -> dict[str, Any]:
        return {name: rate(value) for name, value in vars(each).items() if value is not None}

    def model(each: Any) -> dict[str, Any]:
        usual = each.prices[-1].prices if isinstance(each.prices, list) else each.prices
        about = {"id": each.id, "match": {"equals": each.id}, "prices": prices(usual)}
        return about | ({"context_window": each.context_window} if each.context_window else {})

    return [
        {
            "id": provider.id,
            "name": provider.name,
            "api_pattern": "https://nowhere",
            "models": [model(each) for each in provider.models],
        }
        for provider in get_snapshot().providers
    ]


@pytest.fixture(scope="module")
def genai() -> list[dict[str, Any]]:
    return genai_list()


GOOD: dict[str, Any] = {"openrouter": openrouter_list(), "deepinfra": deepinfra_list()}


def encoded(payload: Any) -> bytes:
    return payload if isinstance(payload, bytes) else json.dumps(payload).encode()


def changed(name: str, change: Change, models: slice = slice(1)) -> bytes:
    """Give a good list of a provider with some models changed, by default the first."""
    payload = copy.deepcopy(GOOD[name])
    for model in (payload["data"] if name == "openrouter" else payload)[models]:
        change(model)
    return encoded(payload)


def priced(**fields: Any) -> Change:
    return lambda model: model["pricing"].update(fields)


# -- taking one ------------------------------------------------------------------------------------


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.rglob("*")}


def cards(table: PriceTable) -> Iterator[RateCard]:
    for models in table.rows.values():
        for row in models.values():
            for offer in row["offers"]:
                yield from (period.card for period in Tariff.from_json(offer["tariff"]).periods)


def assert_believable(table: PriceTable) -> None:
    for card in cards(table):
        rates = [rate for name in TOKEN_CLASSES if (rate := getattr(card, name))]
        prices = [price for rate in rates for price in (rate.base, *dict(rate.tiers).values())]
        assert all(price.is_finite() and 0 <= price <= 10_000 for price in prices), card
        assert 0 <= card.per_request <= 1, card


def take(name: str, body: bytes, folder: Path, day: date = DAY) -> PriceTable:
    """Take a list out of a file; where it is refused, make sure that nothing has changed."""
    before = contents(folder)
    with tempfile.NamedTemporaryFile(suffix=".json") as file:
        file.write(body)
        file.flush()
        try:
            update_feed(replace(FEEDS[name], url=file.name), folder, day)
        except CannotUpdate as error:
            told = len(str(error))
            assert contents(folder) == before
            assert told < 2_000
            raise
    [table] = (table for table in refreshed.read_price_lists(folder) if table.name == name)
    assert_believable(table)
    return table


@dataclass
class Site:
    """A web server that gives one answer, and counts who asked."""

    url: str = ""
    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        self.asked.append(request.path)
        request.send_response(self.status)
        for name, value in ({"Content-Length": str(len(self.body))} | self.headers).items():
            request.send_header(name, value)
        request.end_headers()
        with contextlib.suppress(OSError):  # a client may have had enough
            request.wfile.write(self.body)


@pytest.fixture(scope="module")
def server() -> Iterator[Site]:
    site = Site()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            site.answer(self)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        site.url = f"http://127.0.0.1:{http.server_address[1]}/list"
        thread = threading.Thread(target=http.serve_forever, args=(0.01,))
        thread.start()
        yield site
        http.shutdown()
        thread.join()


@pytest.fixture
def site(server, monkeypatch) -> Site:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    server.status, server.body, server.headers = 200, b"", {}
    server.asked.clear()
    return server


@pytest.fixture
def folder(tmp_path) -> Path:
    """Give a folder that holds a good list of each provider, and of OpenRouter the one before."""
    path = tmp_path / "lists"
    for name, payload in GOOD.items():
        take(name, encoded(payload), path)
    take("openrouter", encoded(GOOD["openrouter"]), path)
    return path


def fetch(site: Site, folder: Path, name: str = "openrouter") -> None:
    update_feed(replace(FEEDS[name], url=site.url), folder, DAY)


def assert_refused(site: Site, folder: Path, said: str) -> None:
    before = contents(folder)
    with pytest.raises(CannotUpdate, match=said) as error:
        fetch(site, folder)
    assert str(error.value).startswith("openrouter: ")
    assert "the previous prices stay in use" in str(error.value)
    assert contents(folder) == before


# -- good lists ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", GOOD)
def test_a_list_that_a_server_gives_is_taken_and_priced_by(name, site, tmp_path):
    site.body = encoded(GOOD[name])
    fetch(site, tmp_path, name)
    [table] = refreshed.read_price_lists(tmp_path)
    assert (table.name, table.checked) == (name, DAY)
    assert len(table.model_ids(name)) == len(
        GOOD[name]["data"] if name == "openrouter" else GOOD[name]
    )
    book = PriceBook(DAY, fetched_lists=[table])
    card = book.standard_card(ModelName("…", name, "lab/m3"))
    assert card.cost(Usage(1_000_000, 0)).to_decimal_string() == {"openrouter": "1.00"}.get(
        name, "0.40"
    )
    assert card.checked == DAY
    assert site.asked == ["/list"]


def test_a_list_of_genai_prices_is_taken_and_prices_as_the_package_does(genai, tmp_path):
    table = take("genai-prices", encoded(genai), tmp_path, LATER)
    old, new = PriceBook(LATER), PriceBook(LATER, fetched_lists=[table])
    names = [ModelName(each, *each.split("/", 1)) for each in
             ("openai/gpt-5.5", "anthropic/claude-haiku-5-5", "x-ai/grok-4.5")]  # fmt: skip
    for name in names:
        card = new.standard_card(name)
        assert card.has_same_price(old.standard_card(name))
        assert f"fetched {LATER}" in card.source


def test_a_fetched_price_of_today_beats_what_two_older_tables_agree_on(tmp_path):
    dear = replace_price("openai/gpt-5.5", "0.000007")
    table = take("openrouter", encoded(dear), tmp_path)
    name = ModelName("…", "openrouter", "openai/gpt-5.5")
    offer = PriceBook(DAY, fetched_lists=[table]).offer_for(name)
    assert offer.highest_on(DAY).input == Rate(Decimal("7.000000"))
    assert offer.alternatives


def replace_price(model_id: str, prompt: str) -> dict[str, Any]:
    payload = openrouter_list()
    payload["data"][0] |= {"id": model_id, "pricing": {"prompt": prompt, "completion": "0.00003"}}
    return payload


def test_the_list_before_is_kept_and_only_the_one(folder):
    for number, entry in enumerate(("0.0000011", "0.0000012", "0.0000013")):
        before = refreshed.price_list_path(folder, "openrouter").read_bytes()
        take("openrouter", encoded(openrouter_list(prompt=entry)), folder)
        kept = refreshed.previous_path(folder, "openrouter")
        assert kept.read_bytes() == before, number
    assert sorted(contents(folder)) == [
        "deepinfra.json", "openrouter.before.json", "openrouter.json"
    ]  # fmt: skip


def test_what_changed_is_told_with_both_prices(tmp_path):
    def taken(prompt: str) -> Any:
        path = tmp_path / "list"
        path.write_bytes(changed("openrouter", priced(prompt=prompt)))
        return update_feed(replace(FEEDS["openrouter"], url=str(path)), tmp_path / "lists", DAY)

    taken("0.000001")
    assert taken("0.000001").changes == ()
    [(name, was, now)] = taken("0.0000015").changes
    assert (name, was.input.base, now.input.base) == ("openrouter/lab/m0", 1, Decimal("1.5"))


def test_a_damaged_list_from_before_is_replaced_by_a_good_one_and_kept_by_a_bad_one(folder):
    path = refreshed.price_list_path(folder, "openrouter")
    path.write_text("damaged", encoding="utf-8")
    with pytest.raises(CannotUpdate):
        take("openrouter", b"[]", folder)
    take("openrouter", encoded(GOOD["openrouter"]), folder)


def test_a_router_and_a_free_model_have_no_price_instead_of_a_negative_one_or_none(tmp_path):
    for entry in ("-1", "0", "-0.0"):
        table = take("openrouter", changed("openrouter", priced(prompt=entry)), tmp_path)
        assert "lab/m0" not in table.model_ids("openrouter")


def test_a_promotion_ends_on_its_last_day_and_the_list_price_holds_from_then(tmp_path):
    ends = priced(discount=0.5, discount_ends_at="2026-12-01T12:00:00Z")
    table = take("deepinfra", changed("deepinfra", ends), tmp_path)
    prices = [
        table.find_tariff("deepinfra", "lab/m0")
        .card_at(datetime(2026, *day, tzinfo=UTC))
        .input.base
        for day in ((11, 30), (12, 1))
    ]
    assert prices == [Decimal("0.2"), Decimal("0.4")]


def test_a_promotion_that_ends_by_a_clock_elsewhere_ends_at_that_moment_here(tmp_path):
    ends = priced(discount=0.5, discount_ends_at="2026-12-02T05:00:00+10:00")  # 19:00 UTC before
    table = take("deepinfra", changed("deepinfra", ends), tmp_path)
    after = datetime(2026, 12, 1, 20, tzinfo=UTC)
    assert table.find_tariff("deepinfra", "lab/m0").card_at(after).input.base == Decimal("0.4")


# -- answers that are none -------------------------------------------------------------------------


@pytest.mark.parametrize("status", [204, 301, 302, 304, 401, 403, 404, 429, 500, 503])
def test_an_answer_that_is_not_a_200_is_refused_and_no_redirection_followed(status, site, folder):
    site.status, site.body = status, b"" if status in {204, 304} else encoded(GOOD["openrouter"])
    site.headers = {"Location": site.url}
    assert_refused(site, folder, f"HTTP {status}")
    assert len(site.asked) == 1


def test_a_server_that_is_not_there_is_refused(folder):
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as gone:
        port = gone.server_address[1]
    assert_refused(Site(f"http://127.0.0.1:{port}/"), folder, "cannot reach")


LIST = encoded(GOOD["openrouter"])


@pytest.mark.parametrize(
    ("body", "headers", "said"),
    [
        (b"", {}, "not JSON"),
        (b"\xff\xfe\x00", {}, "not JSON"),
        (b"<!doctype html><title>Sign in</title>", {}, "not JSON"),
        (LIST[:-20], {}, "not JSON"),
        (LIST + b"x", {}, "not JSON"),
        (LIST, {"Content-Length": str(len(LIST) + 9)}, "openrouter"),
        (LIST, {"Content-Encoding": "gzip"}, "openrouter"),
        (gzip.compress(LIST)[:-30], {"Content-Encoding": "gzip"}, "openrouter"),
        (LIST, {"Transfer-Encoding": "chunked"}, "openrouter"),
        (b"[" * 200_000, {}, "not JSON"),
        (b'{"a":' * 200_000, {}, "not JSON"),
        (b"9" * 5_000, {}, "not JSON"),
        (b"null", {}, "expected an object"),
        (b"[]", {}, "expected an object"),
        (b'{"data": {}}', {}, "expected an object"),
        (b'{"data": []}', {}, "only 0 models"),
        (b'{"error": "rate limited"}', {}, "expected an object"),
    ],
)
def test_a_body_that_is_no_list_is_refused(body, headers, said, site, folder):
    site.body, site.headers = body, headers
    assert_refused(site, folder, said)


def test_a_compressed_list_is_read_and_one_that_unpacks_beyond_the_limit_is_refused(site, folder):
    site.headers = {"Content-Encoding": "gzip"}
    site.body = gzip.compress(LIST)
    fetch(site, folder)
    site.body = gzip.compress(b" " * (updating.MAX_DOWNLOAD_SIZE + 1), 1)
    assert_refused(site, folder, "larger than 32 MiB")


def test_a_list_of_more_than_32_mib_is_refused(site, folder):
    site.body = LIST + b" " * (33 << 20)
    assert_refused(site, folder, "larger than 32 MiB")


def test_a_server_that_never_comes_to_an_end_is_refused(site, folder, monkeypatch):
    monkeypatch.setattr(updating, "_MAX_SECONDS", 0.0)
    site.body = LIST + b" " * 200_000
    assert_refused(site, folder, "took longer")


def test_a_file_that_is_not_there_is_refused(folder):
    before = contents(folder)
    for place in (folder / "none.json", folder):
        with pytest.raises(CannotUpdate, match="cannot read"):
            update_feed(replace(FEEDS["openrouter"], url=str(place)), folder, DAY)
    assert contents(folder) == before


def test_a_folder_that_cannot_be_written_is_said(tmp_path):
    (tmp_path / "lists").write_text("a file")
    (tmp_path / "list").write_bytes(LIST)
    with pytest.raises(CannotUpdate):
        update_feed(
            replace(FEEDS["openrouter"], url=str(tmp_path / "list")), tmp_path / "lists", DAY
        )


# -- prices that cannot be -------------------------------------------------------------------------

NO_PRICES = ("NaN", "sNaN", "Infinity", "-Infinity", "1e400", "1e999999", "1e99999999999999999999",
             "abc", "$1", "1,5", True, False, [], ["1"], {}, {"usd": 1})  # fmt: skip
NO_MULTIPLES = (*NO_PRICES, "-1", -0.5)


@pytest.mark.parametrize("value", NO_PRICES)
@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("openrouter", "prompt"),
        ("openrouter", "completion"),
        ("openrouter", "internal_reasoning"),
        ("deepinfra", "cents_per_input_token"),
        ("deepinfra", "cents_per_output_token"),
    ],
)
def test_what_is_no_price_is_refused(name, key, value, folder):
    with pytest.raises(CannotUpdate, match=f"{name}: .*lab/m0"):
        take(name, changed(name, priced(**{key: value})), folder)


@pytest.mark.parametrize("value", NO_MULTIPLES)
@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("openrouter", "input_cache_read"),
        ("openrouter", "input_cache_write"),
        ("openrouter", "request"),
        ("deepinfra", "rate_per_input_token_cached"),
        ("deepinfra", "discount"),
    ],
)
def test_what_is_no_price_beside_input_and_output_is_refused_too(name, key, value, folder):
    with pytest.raises(CannotUpdate, match=f"{name}: .*lab/m0"):
        take(name, changed(name, priced(**{key: value})), folder)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e400", "1e999999",
                                    "1e99999999999999999999", "1" * 5_000])  # fmt: skip
@pytest.mark.parametrize(("name", "key"), [("openrouter", "prompt"),
                                           ("deepinfra", "cents_per_input_token")])  # fmt: skip
def test_a_number_that_is_no_price_is_refused(name, key, number, folder):
    body = changed(name, priced(**{key: "@"})).replace(b'"@"', number.encode())
    with pytest.raises(CannotUpdate, match=name):
        take(name, body, folder)


@pytest.mark.parametrize("overrides", [
    3, "x", [1], [{"min_prompt_tokens": True}], [{"min_prompt_tokens": "9"}],
    [{"min_prompt_tokens": 0}], [{"min_prompt_tokens": 9, "prompt": "-1"}],
    [{"min_prompt_tokens": 9, "prompt": "NaN"}], [{"min_prompt_tokens": 9, "completion": "1e9"}],
])  # fmt: skip
def test_a_step_for_long_prompts_that_cannot_be_is_refused(overrides, folder):
    with pytest.raises(CannotUpdate, match="lab/m0"):
        take("openrouter", changed("openrouter", priced(overrides=overrides)), folder)


@pytest.mark.parametrize("key", ["prompt", "completion"])
def test_a_long_prompt_is_never_free_where_a_short_one_is_not(key, tmp_path):
    step = priced(overrides=[{"min_prompt_tokens": 9, key: "0"}])
    try:
        table = take("openrouter", changed("openrouter", step), tmp_path)
    except CannotUpdate:
        return
    card = table.find_tariff("openrouter", "lab/m0").card_at(datetime(2026, 11, 21, tzinfo=UTC))
    prompt, both = card.cost(Usage(100, 0)), card.cost(Usage(100, 10))
    assert both > prompt > Money()


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("openrouter", lambda model: model.pop("id")),
        ("openrouter", lambda model: model.pop("pricing")),
        ("openrouter", lambda model: model["pricing"].pop("prompt")),
        ("openrouter", lambda model: model.update(pricing=[])),
        ("openrouter", priced(prompt="", completion="")),
        ("openrouter", priced(request="2")),
        ("deepinfra", lambda model: model.pop("model_name")),
        ("deepinfra", lambda model: model["pricing"].pop("cents_per_output_token")),
        ("deepinfra", priced(discount=1)),
        ("deepinfra", priced(discount=0.5, discount_ends_at="soon")),
    ],
)
def test_a_model_without_what_it_must_have_is_refused(name, change, folder):
    with pytest.raises(CannotUpdate):
        take(name, changed(name, change), folder)


UNPRINTABLE = ["", "\x1b[31mred", "a\nb", "a\u202eb", "\x00", "\ud800", "x" * 301, 3, None, ["a"]]


@pytest.mark.parametrize("called", UNPRINTABLE)
@pytest.mark.parametrize(("name", "key"), [("openrouter", "id"), ("deepinfra", "model_name")])
def test_a_name_that_cannot_be_shown_is_refused(name, key, called, folder):
    with pytest.raises(CannotUpdate):
        take(name, changed(name, lambda model: model.update({key: called})), folder)


@pytest.mark.parametrize("depth", [10, 300, 600, *range(700, 1_000, 7), 2_000])
def test_a_price_that_is_nested_deep_is_refused(depth, tmp_path):
    body = changed("openrouter", priced(prompt="@"))
    with pytest.raises(CannotUpdate):
        take("openrouter", body.replace(b'"@"', b"[" * depth + b"]" * depth), tmp_path)


@pytest.mark.parametrize("value", ["NaN", "-1", True, [], {"base": 1}, "1e9", "1e400", "1e999999"])
def test_a_price_of_genai_prices_that_cannot_be_is_refused(value, genai, tmp_path, monkeypatch):
    monkeypatch.setitem(updating._MIN_MODELS, "genai-prices", 1)
    provider = next(each for each in genai if each["id"] == "openai")
    model = next(each for each in provider["models"] if each["id"] == "gpt-5.5")
    prices = model["prices"] | {"output_mtok": value}
    with pytest.raises(CannotUpdate, match="genai-prices"):
        take("genai-prices", one_genai_model(provider, model, prices), tmp_path)


@pytest.mark.parametrize("kcount", ["-1", "1e400", "NaN", "5000"])
def test_a_price_per_request_of_genai_prices_that_cannot_be_is_refused(
    kcount, genai, tmp_path, monkeypatch
):
    monkeypatch.setitem(updating._MIN_MODELS, "genai-prices", 1)
    prices = {"input_mtok": 1, "output_mtok": 1, "requests_kcount": kcount}
    model = genai[0]["models"][0]
    with pytest.raises(CannotUpdate, match="genai-prices"):
        take("genai-prices", one_genai_model(genai[0], model, prices), tmp_path)


@pytest.mark.parametrize("called", UNPRINTABLE)
@pytest.mark.parametrize("whose", ["provider", "model"])
def test_a_name_of_genai_prices_that_cannot_be_shown_is_refused(
    whose, called, genai, tmp_path, monkeypatch
):
    monkeypatch.setitem(updating._MIN_MODELS, "genai-prices", 1)
    provider, model = dict(genai[0]), dict(genai[0]["models"][0])
    (provider if whose == "provider" else model)["id"] = called
    with pytest.raises(CannotUpdate, match="genai-prices"):
        take("genai-prices", one_genai_model(provider, model, model["prices"]), tmp_path)


def one_genai_model(provider: Any, model: Any, prices: Any) -> bytes:
    return encoded([provider | {"models": [model | {"prices": prices}]}])


@pytest.mark.parametrize("payload", [{}, None, 3, [3], [{}], [{"id": "a", "models": 3}], [[]]])
def test_what_is_no_list_of_genai_prices_is_refused(payload, tmp_path):
    with pytest.raises(CannotUpdate, match="genai-prices"):
        take("genai-prices", encoded(payload), tmp_path)


# -- lists that lost or moved too much -------------------------------------------------------------


def test_a_first_list_with_too_few_models_is_refused(tmp_path):
    for name, payload in (("openrouter", openrouter_list(49)), ("deepinfra", deepinfra_list(19))):
        with pytest.raises(CannotUpdate, match="only"):
            take(name, encoded(payload), tmp_path)
    take("openrouter", encoded(openrouter_list(50)), tmp_path)
    take("deepinfra", encoded(deepinfra_list(20)), tmp_path)


def test_a_list_that_lost_more_than_half_of_its_models_is_refused(tmp_path):
    take("openrouter", encoded(openrouter_list(200)), tmp_path)
    with pytest.raises(CannotUpdate, match="only 99 models, previously 200"):
        take("openrouter", encoded(openrouter_list(99)), tmp_path)
    take("openrouter", encoded(openrouter_list(100)), tmp_path)


@pytest.mark.parametrize("times", ["3.01", "0.33"])
@pytest.mark.parametrize("key", ["prompt", "completion"])
def test_more_than_one_in_twenty_prices_moved_more_than_three_times_is_refused(key, times, folder):
    was = Decimal(GOOD["openrouter"]["data"][0]["pricing"][key])
    moved = priced(**{key: f"{was * Decimal(times):f}"})
    with pytest.raises(CannotUpdate, match="4 of 60 prices moved more than 3 x"):
        take("openrouter", changed("openrouter", moved, slice(4)), folder)
    take("openrouter", changed("openrouter", moved, slice(3)), folder)


def test_any_number_of_prices_may_move_by_three_times(folder):
    take("openrouter", encoded(openrouter_list(prompt="0.000003")), folder)


@pytest.mark.parametrize("prompt", ["1", "0.000000000001"])
def test_a_list_in_other_units_is_refused(prompt, folder):
    with pytest.raises(CannotUpdate):
        take("openrouter", encoded(openrouter_list(prompt=prompt)), folder)


def test_a_list_in_other_units_is_refused_by_what_was_known_before_any_was_fetched(tmp_path):
    """A thousand times too cheap: every price is possible, and none is what the book knows."""
    book = PriceBook(DAY)
    payload = openrouter_list()
    sold = (each for each in book.model_ids("openrouter") if book.known_tariff("openrouter", each))
    known = list(itertools.islice(sold, 60))
    for model, model_id in zip(payload["data"], known, strict=True):
        card = book.known_tariff("openrouter", model_id).typical(DAY)
        price = {"prompt": card.input.base, "completion": card.output.base}
        model["pricing"] = {key: f"{each / 10**9:f}" for key, each in price.items()}
        model["id"] = model_id
    (tmp_path / "list").write_bytes(encoded(payload))
    feed = replace(FEEDS["openrouter"], url=str(tmp_path / "list"))
    with pytest.raises(CannotUpdate):
        update_feed(feed, tmp_path / "lists", DAY, book.known_tariff)


# -- anything at all -------------------------------------------------------------------------------

LEAVES = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
    | st.sampled_from([*NO_MULTIPLES, "0", "1", "1e-7", 10**30, "-0", "1e-400", "9999-12-31"])
)  # fmt: skip
JSON = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=12,
)
KEYS = {
    "openrouter": ("id", "pricing", "context_length", "expiration_date"),
    "deepinfra": ("model_name", "pricing", "max_tokens"),
}
PRICE_KEYS = {
    "openrouter": (
        "prompt", "completion", "request", "input_cache_read", "input_cache_write",
        "input_cache_write_1h", "internal_reasoning", "overrides",
    ),
    "deepinfra": (
        "type", "cents_per_input_token", "cents_per_output_token", "rate_per_input_token_cached",
        "discount", "discount_ends_at", "full", "rate_per_service_tier_flex",
        "rate_per_service_tier_priority",
    ),
}  # fmt: skip
STEPS = st.lists(
    st.dictionaries(st.sampled_from(["min_prompt_tokens", *PRICE_KEYS["openrouter"]]), LEAVES),
    max_size=3,
)
NAMES = st.sampled_from(list(GOOD))


@st.composite
def mutated(draw) -> tuple[str, bytes]:
    """Give a good list with fields of some models replaced by anything."""
    name = draw(NAMES)
    payload = copy.deepcopy(GOOD[name])
    models = payload["data"] if name == "openrouter" else payload
    for _ in range(draw(st.integers(1, 4))):
        model = draw(st.sampled_from(models))
        if draw(st.booleans()) and isinstance(model.get("pricing"), dict):
            key = draw(st.sampled_from(PRICE_KEYS[name]))
            model["pricing"][key] = draw(STEPS if key == "overrides" else JSON)
        else:
            model[draw(st.sampled_from(KEYS[name]))] = draw(JSON)
    return name, encoded(payload)


DIGITS = st.text("0123456789.eE-+", max_size=6).map(str.encode)


@dataclass(frozen=True)
class Damage:
    """Bytes put into the place of others; `at` and `end` are shares of the whole."""

    at: float
    length: int | None
    put: bytes

    def to(self, body: bytes) -> bytes:
        start = int(self.at * len(body))
        end = len(body) if self.length is None else start + self.length
        return body[:start] + self.put + body[end:]


DAMAGES = st.builds(
    Damage,
    st.floats(0, 1),
    st.none() | st.integers(0, 40),
    st.just(b"") | st.binary(max_size=8) | DIGITS,
)


def assert_taken_or_refused(name: str, body: bytes) -> None:
    """Offer a list to a folder with a good one; `take` makes sure of the rest."""
    with tempfile.TemporaryDirectory() as place:
        path = refreshed.price_list_path(Path(place), name)
        path.write_text(KEPT[name], encoding="utf-8")
        with contextlib.suppress(CannotUpdate):
            take(name, body, Path(place), LATER)


READ = {"openrouter": openrouter.parse_openrouter, "deepinfra": deepinfra.parse_deepinfra}
ROWS = {
    name: READ[name](json.loads(encoded(GOOD[name]), parse_float=Decimal), DAY) for name in GOOD
}
KEPT = {
    name: refreshed.serialize_price_list(name, "https://x", DAY, rows)
    for name, rows in ROWS.items()
}


@settings(max_examples=200)
@given(NAMES, JSON)
def test_any_json_is_taken_or_refused(name, payload):
    assert_taken_or_refused(name, encoded(payload))


@settings(max_examples=400)
@given(mutated())
def test_a_list_with_anything_in_its_fields_is_taken_or_refused(given_):
    assert_taken_or_refused(*given_)


@settings(max_examples=200)
@given(NAMES, DAMAGES)
def test_a_list_with_damaged_bytes_is_taken_or_refused(name, damage):
    assert_taken_or_refused(name, damage.to(encoded(GOOD[name])))


@settings(max_examples=100)
@given(JSON)
def test_any_list_of_genai_prices_is_taken_or_refused(payload):
    model = {"id": "m", "match": {"equals": "m"}, "prices": payload}
    provider = {"id": "p", "name": "P", "api_pattern": "x", "models": [model]}
    for body in (payload, [provider], [provider | {"models": payload}]):
        with tempfile.TemporaryDirectory() as place, contextlib.suppress(CannotUpdate):
            take("genai-prices", encoded(body), Path(place))


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


# -- the user's own price file ---------------------------------------------------------------------

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
