"""`cache: auto`, the whole way: the built-in experiment at Anthropic's prices.

The provider bills cache reads and writes by Anthropic's rules, and keeps its own account.
"""

from __future__ import annotations

import json
import shutil
import signal
import time
from collections import Counter
from decimal import Decimal

import pytest

from tests.support.provider.behaviour import Behaviour, Fault

MODEL, QUERIES = "anthropic/claude-opus-5.5", 12
CALLS, PREFIXES = 4 * QUERIES, 2  # four conditions, two of which share each system text
INPUT, WRITE, HOUR, READ, OUTPUT = map(Decimal, ("4", "5", "8", "0.2", "20"))
JUDGE = '{input: "0", output: "0", source: "the lab"}'
LENGTH = 1413  # tokens of an answer
USUAL = Behaviour(
    caches="marked", input_tokens="counted", output_tokens=LENGTH, delay=0.02, answer="by-tier"
)


@pytest.fixture
def study(lab, server):
    def study(behaviour=USUAL, cap="20", cache="auto", max_tokens=4096):
        server.reset(behaviour)
        shutil.rmtree(lab.folder / "af", ignore_errors=True)
        own = f'{{base_url: "{server.url}/v1", api_key_env: LAB_KEY}}'
        judge = f'{{kind: openai, base_url: "{server.url}/v1", api_key_env: LAB_KEY}}'
        path = lab.init(anthropic=own, lab=judge)
        text = path.read_text().replace("openai/gpt-4o-mini", "lab/judge")
        text = text.replace("models: [llama-3.1-70b]", f"models: [{MODEL}]\ncache: {cache}")
        path.write_text(
            text.replace("cot: scratchpad, no-cot: answer", f"cot: {LENGTH}, no-cot: {LENGTH}")
        )
        lab.prices(lab__judge=JUDGE)
        limits = ("--limit", str(QUERIES), "--max-tokens", str(max_tokens))
        estimate = lab.plan("af/experiment.yaml", *limits)
        lab.afcost("approve", "plan.json", "--cap", cap, "--yes")
        return estimate

    return study


def subjects(server):
    return [call for call in server.bill().billed if call.path == "/v1/messages"]


def cost(call, *, cached=True) -> Decimal:
    read, written = call.cache_read_tokens, call.cache_write_tokens
    hour = call.cache_write_1h_tokens
    if not cached:
        return (call.input_tokens * INPUT + call.output_tokens * OUTPUT) / 10**6
    full = call.input_tokens - read - written - hour
    prompt = full * INPUT + read * READ + written * WRITE + hour * HOUR
    return (prompt + call.output_tokens * OUTPUT) / 10**6


def bill_of(server, **how) -> Decimal:
    return sum((cost(call, **how) for call in subjects(server)), Decimal(0))


def test_the_bill_is_about_half_as_forecast_and_as_booked(lab, server, study):
    estimate = study(cap="50", max_tokens=20_000)  # which cuts off no answer, by the forecast
    lab.afcost("run", "plan.json", "--concurrency", "20")
    bill, calls = bill_of(server), subjects(server)
    assert len(calls) == CALLS
    assert sum(1 for call in calls if call.cache_write_tokens) == PREFIXES, "each is written once"
    assert bill <= Decimal("0.55") * bill_of(server, cached=False)
    likely = Decimal(estimate["total"]["cost_usd"]["mean"])
    assert likely == pytest.approx(bill, rel=Decimal("0.05"))

    report = lab.report()
    assert Decimal(report["spent_usd"]) == bill
    (caching,) = report["caching"]
    assert caching["read_tokens"] == sum(call.cache_read_tokens for call in calls)
    assert caching["written_tokens"] == sum(call.cache_write_tokens for call in calls)
    saved = bill_of(server, cached=False) - bill
    assert Decimal(caching["saved_usd"]) == pytest.approx(saved, rel=Decimal("0.001"))
    planned = Decimal(caching["planned"]["saved_usd"])
    assert planned == pytest.approx(saved, rel=Decimal("0.05"))
    shown = " ".join(lab.afcost("report", str(lab.run_folder())).stdout.split())
    assert f"cached prompts of {MODEL}" in shown


def test_the_plan_says_what_it_saves_and_what_its_ceiling_takes(lab, study):
    cached, plain = study(), study(cache="off")
    note = next(each for each in cached["assumptions"] if each.startswith("cache: "))
    assert "are marked to be kept for five minutes" in note
    saved = [each["caching"] for each in cached["strata"] if each["stage"] == "subject"]
    assert all(Decimal(each["saved_usd"]) > 0 for each in saved)
    assert all(each["caching"] is None for each in plain["strata"])
    said = " ".join(lab.afcost("estimate", "af/experiment.yaml").stdout.split())
    assert "cache: " not in said
    prompts = sum(each["input_tokens"] for each in plain["strata"] if each["stage"] == "subject")
    ceilings = [Decimal(each["total"]["cost_usd"]["ceiling"]) for each in (cached, plain)]
    assert ceilings[0] - ceilings[1] >= prompts * (WRITE - INPUT) / 10**6


@pytest.mark.campaigns
def test_killed_and_left_for_an_hour_nothing_is_lost_paid_twice_or_past_the_cap(lab, server, study):
    """What was cached is forgotten by then, so it is written again."""
    study(cap="3")
    running = lab.start("run", "plan.json", "--concurrency", "4")
    server.arrived(16, within=60)
    running.send_signal(signal.SIGKILL)
    running.communicate()
    time.sleep(0.2)  # what it was sending is billed all the same
    server.forward(3700)
    lab.afcost("run", "plan.json", ends=0)
    report = lab.report()
    spent, held = Decimal(report["spent_usd"]), Decimal(report["held_usd"])
    assert spent <= bill_of(server) <= spent + held <= Decimal(3)
    assert sum(1 for call in subjects(server) if call.cache_write_tokens) <= 2 * PREFIXES
    answered = Counter(row["request"] for row in lab.answers())
    assert set(answered.values()) == {1}


@pytest.mark.campaigns
@pytest.mark.parametrize("kind", ["500_before", "cut_after", "halved_usage"])
def test_faults_while_a_prefix_is_written_break_no_cap(lab, server, study, kind):
    fault = Fault(kind, calls=(1, 2, 3, 5, 8), model=MODEL.split("/")[1], retry_after=0.01)
    study(Behaviour(**{**vars(USUAL), "faults": (fault,)}))
    lab.afcost("run", "plan.json")
    report = lab.report()
    spent, held = Decimal(report["spent_usd"]), Decimal(report["held_usd"])
    assert bill_of(server) <= spent + held <= 20
    assert len({call.prompt for call in subjects(server)}) == CALLS


@pytest.mark.campaigns
def test_a_provider_that_ignores_marks_is_paid_in_full_and_within_the_cap(lab, server, study):
    study(Behaviour(**{**vars(USUAL), "caches": ""}))
    lab.afcost("run", "plan.json")
    report = lab.report()
    assert Decimal(report["spent_usd"]) == bill_of(server)
    (caching,) = report["caching"]
    assert (caching["read_tokens"], Decimal(caching["saved_usd"])) == (0, 0)


@pytest.mark.campaigns
def test_a_cache_that_is_read_further_than_it_was_marked_is_not_believed(lab, server, study):
    tale = {"caches": "", "cache_read_tokens": 10**6}
    study(Behaviour(**{**vars(USUAL), **tale}))
    lab.afcost("run", "plan.json")
    marked = json.loads((lab.folder / "plan.json").read_text())["models"][MODEL]["caching"]
    most = max(each["bound"] for each in marked)
    beyond = sum(max(call.input_tokens - most, 0) for call in subjects(server))
    least = (beyond * INPUT + CALLS * LENGTH * OUTPUT) / 10**6
    assert Decimal(lab.report()["spent_usd"]) >= least


def test_calls_that_read_cached_prompts_for_less_are_not_put_into_batches(lab, server, study):
    study(cap="50", max_tokens=20_000)
    said = " ".join(lab.afcost("run", "plan.json", "--batch", ends=3).stderr.split())
    assert f"calls of {MODEL}, which read cached prompts, likely cost less than batches" in said
    assert not server.bill().calls
