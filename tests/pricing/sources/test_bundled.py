"""The installed prices: the same whether the package is asked or what it once answered."""

from __future__ import annotations

import subprocess
import sys
from datetime import date

import pytest

from pricing.sources import BundledPrices, bundled, load_bundled

DAY = date(2026, 11, 27)
UNKNOWN = (("service_tier", "unheard-of"),)

ESTIMATE = """
import sys
from afcost.__main__ import main
sys.argv = ["afcost", "estimate", "--limit", "2"]
heavy = "genai_prices", "jinja2", "filelock", "splintr", "numpy", "providers.apis", "asyncio"
try:
    main()
finally:
    print([each for each in heavy if each in sys.modules])
"""


def refuse(_day):
    raise AssertionError("it was asked before")


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """Give each test a cache of its own."""
    monkeypatch.setenv("AFCOST_HOME", str(tmp_path))


def list_questions(package):
    """Return (provider, model, options) of some of its models, of each provider."""
    some = (
        (provider, name, model)
        for provider, models in package._models.items()
        for name, model in [*models.items()][::9]
    )
    return [
        (provider, name, asked)
        for provider, name, model in some
        for asked in ((), UNKNOWN, *(tuple(v.when.items()) for v in model.price_variants or ()))
    ]


def test_answers_are_the_package_s_then_and_later(monkeypatch):
    monkeypatch.setattr(bundled, "_MAX_KEPT", 10**6)
    package, first = load_bundled(DAY), BundledPrices(DAY, load_bundled, "digest")
    questions = list_questions(package)
    for provider, name, asked in questions:
        first.find_tariff(provider, name, asked)
        assert first.context_window(provider, name) == package.context_window(provider, name)
        assert first.model_ids(provider) == package.model_ids(provider)
    first.keep_answers()
    later = BundledPrices(DAY, refuse, "digest")
    assert later.checked == package.checked
    for provider, name, asked in questions:
        assert later.model_ids(provider) == package.model_ids(provider)
        assert later.context_window(provider, name) == package.context_window(provider, name)
        expected = package.find_tariff(provider, name, asked)
        assert repr(later.find_tariff(provider, name, asked)) == repr(expected)


def test_on_an_earlier_day_less_is_known_to_have_changed():
    day = date(2026, 6, 1)
    first = BundledPrices(DAY, load_bundled, "digest")
    first.find_tariff("openai", "gpt-4o")
    first.keep_answers()
    earlier = BundledPrices(day, load_bundled, "digest")
    assert earlier.checked == load_bundled(day).checked < first.checked
    expected = load_bundled(day).find_tariff("openai", "gpt-4o")
    assert earlier.find_tariff("openai", "gpt-4o") == expected


def test_other_files_or_more_answers_than_are_kept_ask_the_package_again(monkeypatch):
    first = BundledPrices(DAY, load_bundled, "digest")
    ids = first.model_ids("openai")
    first.keep_answers()
    with pytest.raises(AssertionError):
        BundledPrices(DAY, refuse, "another digest").model_ids("openai")
    monkeypatch.setattr(bundled, "_MAX_KEPT", 1)
    second = BundledPrices(DAY, load_bundled, "digest")
    second.model_ids("anthropic")
    second.keep_answers()
    third = BundledPrices(DAY, refuse, "digest")
    assert third.model_ids("anthropic")
    with pytest.raises(AssertionError):
        third.model_ids("openai")
    assert ids


def test_a_second_estimate_does_not_import_what_it_does_not_need(tmp_path):
    said = [
        subprocess.run(
            [sys.executable, "-c", ESTIMATE],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
        ).stdout.splitlines()
        for _ in range(2)
    ]
    assert said[1][-1] == "[]"
    assert said[0][:-1] == said[1][:-1]
