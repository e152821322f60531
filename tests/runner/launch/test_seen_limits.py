"""Limits that answers state are kept for the time of later estimates; the user's come first."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from afcost.rendering.wall_time_view import describe_time
from estimator.plan import estimate_experiment, read_plan, save_plan
from estimator.user_dirs import state_folder
from estimator.wall_time import AccountLimits, SeenLimits, find_plan_time
from pricing.money import Money
from providers.rate_limits import RateLimit, find_minute_limit
from runner.approval import Approval, save_approval
from runner.state import find_seen_limits, keep_seen_limits
from tests.runner import sample_experiment as lab
from tests.runner.sample_experiment import NOW, honest, run_plan

DAY = date(2026, 11, 20)
SEEN = SeenLimits(AccountLimits(500.0, 200_000.0), DAY)
TOKENS = RateLimit("x-ratelimit-*-tokens", "tokens", 200_000.0, 199_000.0, 0.1)
REQUESTS = RateLimit("x-ratelimit-*-requests", "requests", 500.0, 499.0, 0.1)


@pytest.fixture(autouse=True)
def _own_home(monkeypatch, tmp_path):
    monkeypatch.setenv("AFCOST_HOME", str(tmp_path / "home"))


@pytest.fixture
def saved(server, tmp_path):
    """Return the path of a plan for a server, and its address."""
    url, path = f"{server.url}/v1", tmp_path / "plan.json"
    source = lab.write(tmp_path / "e", votes=0, base_url=url)
    save_plan(estimate_experiment(str(source), lab.DAY).plan, path)
    return path, url


def test_a_run_keeps_what_its_answers_stated(server, saved, tmp_path, monkeypatch):
    path, url = saved
    plan = read_plan(path)
    save_approval(Approval(plan.digest, Money.from_usd("1"), "ada", NOW), path)
    server.reset(honest(path))
    # The server states none.
    monkeypatch.setattr("runner.transport.sender.parse_rate_limits", lambda *_: (TOKENS, REQUESTS))
    run_plan(path, NOW, folder=tmp_path / "run")
    (model,) = plan.models.values()
    kept = SeenLimits(AccountLimits(None, 200_000.0), datetime.now(UTC).date())
    assert find_seen_limits(url, model.name.id) == kept, "of requests no minute is documented"
    assert find_seen_limits("https://other.example/v1", model.name.id) is None


def test_only_what_is_documented_as_of_a_minute_counts():
    assert find_minute_limit([REQUESTS], "requests", "openai") == 500
    for provider in ("groq", "my-lab"):
        assert find_minute_limit([REQUESTS], "requests", provider) is None
        assert find_minute_limit([REQUESTS, TOKENS], "tokens", provider) == 200_000


@pytest.mark.parametrize(
    ("given", "requests", "tokens"),
    [
        (AccountLimits(), 500, 200_000),
        (AccountLimits(requests=60.0), 60, 200_000),
        (AccountLimits(60.0, 10_000.0), 60, 10_000),
    ],
)
def test_the_user_s_limits_come_before_those_that_were_seen(saved, given, requests, tokens):
    plan = read_plan(saved[0])
    (model,) = plan.models.values()
    seen = {str(model.name): SEEN, "another/model": SEEN}
    time = find_plan_time(plan.strata, plan.models, 10, given, seen=seen)
    bounds = {bound.kind: bound.limit for bound in time.wall.bounds}
    assert (bounds["requests_per_minute"], bounds["tokens_per_minute"]) == (requests, tokens)
    said = " ".join(describe_time(time))
    assert ("limits seen on 2026-11-20: " in said) is (given != AccountLimits(60.0, 10_000.0))
    assert "500 requests" not in said or not given.requests
    assert "not known before" not in said
    assert [each["seen"] for each in time.to_json()["limits_seen"]] == ["2026-11-20"] * bool(
        time.seen
    )


def test_a_file_that_is_damaged_states_nothing():
    keep_seen_limits("https://lab.example/v1/", "m", SEEN)
    assert find_seen_limits("https://lab.example/v1", "m") == SEEN
    (file,) = (state_folder() / "limits").iterdir()
    for text in ("", "[]", '{"requests": -1, "tokens": null, "seen": "2026-11-20"}', "{}"):
        file.write_text(text)
        assert find_seen_limits("https://lab.example/v1", "m") is None
