"""`afcost prices`: what is listed, quoted, checked and fetched, as a researcher sees it."""

from __future__ import annotations

import io
import json
from datetime import date
from decimal import Decimal

import pytest
from rich.console import Console

from afcost.commands.data.prices import check, current_prices, diff, quote, update
from afcost.commands.planning import estimation
from afcost.rendering import console as draw

TODAY = date(2026, 11, 21)


@pytest.fixture(autouse=True)
def one_day(monkeypatch):
    """Let it be the same day for every command."""
    for module in (estimation, current_prices, check, diff, quote, update):
        monkeypatch.setattr(module, "today", lambda: TODAY)


def test_the_price_of_a_model_as_json_has_every_class_tier_and_source(afcost):
    shown = json.loads(afcost("prices", "show", "gpt-5.5", "--format", "json")[0])
    assert (shown["provider"], shown["model"], shown["input"], shown["output"]) == (
        "openai", "gpt-5.5", "5", "30",
    )  # fmt: skip
    assert shown["tiers"] == [{"above": 272_000, "input": "10", "output": "45", "cache_read": "1"}]
    assert (shown["batch"]["input"], shown["flex"]["input"], shown["priority"]["input"]) == (
        "2.5", "2.5", "12.5",
    )  # fmt: skip
    assert shown["caching"] == {"kind": "automatic", "least_tokens": 1024}
    assert {other["source"].split()[0] for other in shown["others"]} == {
        "litellm", "openai-cost-calculator",
    }  # fmt: skip
    assert shown["disagreement"] == "1.000"


def test_peak_hours_and_retirements_are_shown(afcost):
    shown, _ = afcost("prices", "show", "deepseek/deepseek-flash")
    assert "standard 01:00-04:00 UTC Mon-Fri" in shown
    shown, _ = afcost("prices", "show", "gpt-4o-mini")
    assert "retires on 2027-01-14" in shown
    assert "recommended successor: gpt-6-luna" in shown


def test_a_quote_prices_the_same_calls_everywhere_the_cheapest_first(afcost):
    document = json.loads(afcost("prices", "quote", "gpt-5.6-luna", "--format", "json")[0])
    quotes = document["quotes"]
    costs = [Decimal(each["standard_usd"]) for each in quotes]
    assert costs == sorted(costs)
    (lab,) = [each for each in quotes if each["provider"] == "openai"]
    assert Decimal(lab["batch_usd"]) * 2 == pytest.approx(
        Decimal(lab["standard_usd"]), rel=Decimal("1e-6")
    )
    assert 0 < Decimal(lab["cached_usd"]) < Decimal(lab["standard_usd"])
    (router,) = [each for each in quotes if each["provider"] == "openrouter"]
    assert Decimal(router["fee_usd"]) == Decimal("0.80")
    assert router["batch_usd"] is None


def test_a_prefix_that_is_too_short_to_be_cached_saves_nothing_and_why_is_told(afcost, tmp_path):
    (tmp_path / "queries.txt").write_text("Why?\nHow?\n")
    (tmp_path / "short.yaml").write_text(
        "name: short\nmodels: [gpt-4o]\nqueries: {file: queries.txt}\n"
        'messages: [{role: system, content: "Be brief."}, {role: user, content: "{{ query }}"}]\n'
        "sampling: {max_tokens: 100}\n"
    )
    shown, _ = afcost("prices", "quote", "gpt-5.6-luna", "short.yaml")
    assert "the shared prefix has " in shown
    assert "caching requires 1,024" in shown


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize(
    "command",
    [
        ("list", "llama"),
        ("show", "gpt-5.5"),
        ("quote", "llama-3.1-70b"),
        ("check", "-m", "gpt-5"),
    ],
)
def test_every_table_fits_the_terminal(afcost, monkeypatch, width, command):
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, color_system=None, width=width)
    monkeypatch.setattr(draw, "stdout", lambda: console)
    afcost("prices", *command)
    assert max(map(len, screen.getvalue().splitlines())) <= width


def test_a_model_that_is_retired_or_disputed_fails_the_check(afcost):
    assert "retires on 2026-12-11" in afcost("prices", "check", "-m", "gpt-5")[0]
    _, said = afcost("prices", "check", "-m", "claude-3-opus", ends=3)
    assert "unreliable prices: anthropic/claude-3-opus" in said
    assert "more than 3 x" in afcost("prices", "check", "-m", "openrouter/mistral-nemo", ends=3)[0]


def test_a_run_after_an_announced_change_costs_double_and_says_why(afcost):
    model = ("estimate", "-m", "gemini-4-argon", "--format", "json")
    now, then = (json.loads(afcost(*model, *on)[0]) for on in ((), ("--on", "2026-12-02")))

    def subjects(estimate: dict) -> Decimal:
        costs = (s["cost_usd"]["mean"] for s in estimate["strata"] if s["stage"] == "subject")
        return sum(map(Decimal, costs))

    assert subjects(then) == pytest.approx(2 * subjects(now), rel=Decimal("1e-6"))
    assert any("from 2026-12-01" in text and "(2 x)" in text for text in then["assumptions"])
    assert any("from 2026-12-01" in text for text in now["warnings"])
    shown, _ = afcost("estimate", "-m", "gemini-4-argon", "--on", "2026-12-02")
    assert "$4 in, $20 out per million from 2026-12-01, used for 2026-12-02" in shown


def test_a_batch_is_priced_by_a_rule_and_where_no_price_is_known_calls_are(afcost):
    shown, _ = afcost("estimate", "-m", "deepinfra/llama-3.3-70b", "--batch")
    assert "batch is priced at 0.8 x" in shown
    shown, _ = afcost("estimate", "-m", "together/gpt-oss-120b", "--batch", "--format", "json")
    assert "batch is priced" not in shown


def test_a_price_on_the_command_line_beats_all_others(afcost):
    name = "deepinfra/llama-3.1-70b"
    shown, _ = afcost("estimate", "-m", name, "--price", f"{name}=7/8")
    assert "$7 in, $8 out per million (--price" in shown
    _, said = afcost("estimate", "-m", name, "--price", f"{name}=seven/8", ends=1)
    assert "'seven' is not a price" in said
    _, said = afcost("estimate", "-m", name, "--price", f"{name}=nobody", ends=3)
    assert "overlay, openai-cost-calculator, litellm" in said


def models(factor: int = 1) -> str:
    """Return a list as OpenRouter answers it: sixty models, one with a long-prompt price."""
    data = [
        {
            "id": f"lab/model-{number}",
            "context_length": 32_768,
            "pricing": {"prompt": f"0.00000{number * factor:03}", "completion": "0.00001"},
        }
        for number in range(1, 61)
    ]
    return json.dumps({"data": data})


def test_a_fetched_list_is_used_compared_and_kept_when_the_next_one_cannot_be_believed(
    afcost, tmp_path
):
    place = tmp_path / "list.json"
    fetch = ("prices", "update", "openrouter", "--from", f"openrouter={place}")
    place.write_text(models())
    assert "openrouter: 60 models" in afcost(*fetch)[0]
    show = ("prices", "show", "openrouter/lab/model-7", "--format", "json")
    assert json.loads(afcost(*show)[0])["input"] == "0.07"

    place.write_text(models().replace('"0.00000007"', '"0.00000008"'))
    assert "1 price differs" in afcost(*fetch)[0]
    assert "0.08 (0.07)" in afcost("prices", "diff")[0]

    place.write_text(models(factor=10))
    _, said = afcost(*fetch, ends=1)
    assert "moved more than 3 x" in said
    assert "the previous prices stay in use" in said
    assert json.loads(afcost(*show)[0])["input"] == "0.08"


def test_a_damaged_fetched_list_is_told_and_never_passed_over(afcost, tmp_path, monkeypatch):
    home = tmp_path / "home"
    monkeypatch.setenv("AFCOST_HOME", str(home))
    place = tmp_path / "list.json"
    place.write_text(models())
    afcost("prices", "update", "openrouter", "--from", f"openrouter={place}")
    kept = home / "data" / "prices" / "openrouter.json"
    kept.write_text(kept.read_text().replace('"0.07', '"0.00', 1))
    _, said = afcost("estimate", "-m", "gpt-4o", ends=1)
    assert str(kept) in said
    assert "afcost prices update" in said
