"""Rows in batches and with cached prompts, as quotes and designs offer them, are really billed."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from tests.e2e.sample_experiment import Lab
from tests.support.provider.behaviour import Behaviour

MODEL = "claude-haiku-4.5"
QUERIES, LENGTH = 6, 24  # `max_tokens` pins how long answers are
PRICES = {"input": 1, "output": 5, "write": "1.25", "read": "0.1"}  # USD per million tokens
TOLERANCE = Decimal("0.01")  # of the cost: a prompt's tokens are counted, its prefix to a few


@pytest.fixture
def lab(server, tmp_path, monkeypatch):
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-test")
    (tmp_path / "q.txt").write_text("".join(f"question {n}\n" for n in range(QUERIES)))
    (tmp_path / "own.yaml").write_text(
        f"name: own\nmodels: [anthropic/{MODEL}]\n"
        "factors: {tier: {free: {tier: free}, paid: {tier: paid}}}\n"
        f"queries: {{file: q.txt}}\nsampling: {{max_tokens: {LENGTH}}}\nmessages:\n"
        f"  - {{role: system, content: '{'The rules of this lab are long. ' * 900}'}}\n"
        "  - {role: user, content: 'Tier {{ tier }}: {{ query }}'}\n"
        f"providers: {{anthropic: {{base_url: '{server.url}'}}}}\n"
    )
    server.reset(Behaviour(caches="marked", input_tokens="counted", output_tokens=LENGTH))
    return Lab(tmp_path)


def price(calls) -> Decimal:
    """Return what the provider bills by its own account, in US dollars."""
    full = {name: Decimal(each) / 10**6 for name, each in PRICES.items()}
    total = Decimal(0)
    for call in calls:
        read, written = call.cache_read_tokens, call.cache_write_tokens
        assert not call.cache_write_1h_tokens
        cost = (call.input_tokens - read - written) * full["input"] + read * full["read"]
        cost += written * full["write"] + call.output_tokens * full["output"]
        total += cost / 2 if call.batch else cost
    return total


def run(lab, server, *options: str) -> Decimal:
    lab.plan("own.yaml", *options)
    trust = ("--trust", "anthropic=ANTHROPIC_API_KEY")
    lab.afcost("approve", "plan.json", "--cap", "5", "--yes", *trust)
    lab.afcost("run", "plan.json", "--poll", "0.1")
    report = lab.report()
    billed = price(server.bill().billed)
    assert report["outcome"] == "complete"
    assert Decimal(report["spent_usd"]) == pytest.approx(billed, rel=TOLERANCE)
    return billed


def cache(lab) -> None:
    path = lab.folder / "own.yaml"
    path.write_text(f"{path.read_text()}cache: auto\n")


def quote(lab):
    asked = lab.afcost("prices", "quote", f"anthropic/{MODEL}", "own.yaml", "--format", "json")
    return {each["provider"]: each for each in json.loads(asked.stdout)["quotes"]}


def design(lab, what: str):
    """Return what the design offers instead: its queries, samples and cost."""
    found = json.loads(
        lab.afcost("design", "own.yaml", "--budget", "0.25", "--format", "json").stdout
    )
    (row,) = [each for each in found["alternatives"] if each["what"] == what]
    return row


@pytest.mark.parametrize("how", ["batch", "cached"])
def test_what_a_quote_offers_is_billed(lab, server, how):
    offered = Decimal(quote(lab)["anthropic"][f"{how}_usd"])
    if how == "cached":
        cache(lab)
    billed = run(lab, server, *(["--batch"] if how == "batch" else []))
    assert billed == pytest.approx(offered, rel=TOLERANCE)


@pytest.mark.parametrize("how", ["batch prices", "cached prompts"])
def test_what_a_design_offers_is_billed(lab, server, how):
    row = design(lab, how)
    assert row["samples"] > 1
    if how == "cached prompts":
        cache(lab)
    sizes = ("--limit", str(row["queries"]), "--samples", str(row["samples"]))
    billed = run(lab, server, *sizes, *(["--batch"] if how == "batch prices" else []))
    assert billed == pytest.approx(Decimal(row["likely_usd"]), rel=2 * TOLERANCE)


def test_what_no_run_can_do_is_not_offered(lab):
    found = quote(lab)
    assert found["aws"]["cached_usd"] is None
    assert found["aws"]["not_cached"] == "aws caches only what is marked, and no marks are sent"
    assert found["aws"]["batch_usd"] is None
    assert found["anthropic"]["cached_usd"] is not None
