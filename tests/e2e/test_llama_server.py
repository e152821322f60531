"""The whole way against llama.cpp: a server that others wrote, with real tokens and real usage."""

from __future__ import annotations

import json
import sys
from collections import Counter
from decimal import Decimal
from typing import Any

import pytest

from experiment.definition import AnswerFormat
from experiment.scoring import AnswerKind, Completion, read_answer
from pricing.money import Money
from runner.gateway import open_guard_folder, read_calls
from tests.e2e.sample_experiment import answered_by_condition
from tests.support.llama.server import run_llama
from tests.support.packages.fetch import PackageMissing
from tests.support.recording_proxy import run_recorder

IN, OUT = Decimal("0.40"), Decimal("1.20")


@pytest.fixture(scope="module")
def llama():
    try:
        with run_llama(end_bias=6.5) as url:
            yield url
    except PackageMissing as missing:
        pytest.skip(str(missing))


@pytest.mark.parametrize(("subject", "judge"), [("openai", "anthropic"), ("anthropic", "openai")])
def test_the_ledger_agrees_with_the_server_and_the_bill_stays_below_the_cap(
    lab, llama, subject, judge
):
    with run_recorder(llama) as server:
        experiment = lab.init(
            subjects=f'{{kind: {subject}, base_url: "{server.url}/v1", api_key_env: LAB_KEY}}',
            judges=f'{{kind: {judge}, base_url: "{server.url}/v1"}}',
        )
        text = experiment.read_text().replace("openai/gpt-4o-mini", "judges/llama-3.1-8b")
        experiment.write_text(text.replace("max_tokens: 512", "max_tokens: 40"))
        price = f'{{input: "{IN}", output: "{OUT}"}}'
        lab.prices(**{"subjects__llama-3.1-8b": price, "judges__llama-3.1-8b": price})
        estimate = lab.plan(
            "af/experiment.yaml",
            "-m",
            "subjects/llama-3.1-8b",
            "--max-tokens",
            "48",
            "--limit",
            "12",
        )
        cap = (Decimal(estimate["total"]["cost_usd"]["q50"]) / 2).quantize(Decimal("0.0001"))
        lab.afcost("approve", "plan.json", "--cap", str(cap), "--yes")
        lab.afcost("run", "plan.json", "--concurrency", "4", ends=4)

        calls = [call for call in server.calls if call.path.endswith(("completions", "messages"))]
        answers = lab.answers()
        assert Counter(map(_billed, calls)) == Counter(map(_booked, answers))
        assert all(row["counted"] == _booked(row)[0] for row in answers), (
            "our count is the server's"
        )
        bill = sum((p * IN + c * OUT for p, c in map(_billed, calls)), Decimal(0)) / 1_000_000
        assert bill <= cap
        assert bill >= cap * Decimal("0.88"), "the cap binds because the money is used"
        report = lab.report()
        # A model with random weights writes tokens that its tokenizer would not; its text has more
        # when it is counted again, and the larger is booked.
        assert bill <= Decimal(report["spent_usd"]) <= min(cap, bill * Decimal("1.05"))
        assert report["outcome"] == "partial"
        counts = answered_by_condition(answers)
        assert min(counts) >= 2
        assert max(counts) - min(counts) <= 1
        texts = list(filter(_is_text, answers))
        judged = answered_by_condition(answers, "compliance")
        assert judged == answered_by_condition(texts), "no paid answer is unjudged"


PROGRAM = """
import json, os, urllib.request

ROOTS = {"chat/completions": os.environ["OPENAI_BASE_URL"],
         "messages": os.environ["ANTHROPIC_BASE_URL"] + "/v1"}

def ask(path, number, stream):
    asked = [{"role": "user", "content": f"Tell me something about the number {number}."}]
    body = {"model": "llama-3.1-tiny", "max_tokens": 40, "messages": asked, "stream": stream}
    if path == "chat/completions" and stream:
        body["stream_options"] = {"include_usage": True}
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"{ROOTS[path]}/{path}", json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=60) as answer:
        text = answer.read().decode()
    if not stream:
        return json.loads(text)["usage"]
    lines = [line[6:] for line in text.splitlines() if line.startswith("data: {")]
    events = [event.get("message") or event for event in map(json.loads, lines)]
    usage = {}
    for told in filter(None, (event.get("usage") for event in events)):
        usage |= told
    return usage

usages = [ask(path, n, n % 2 == 1) for path in ROOTS for n in range(6)]
print(json.dumps(usages))
"""


def test_the_ledger_of_a_guarded_program_has_the_servers_own_counts(lab, llama):
    (lab.folder / "study.py").write_text(PROGRAM)
    options = [word for name in ("openai", "anthropic") for word in (
        "--upstream", f"{name}={llama}/v1", "--price", f"{name}/llama-3.1-tiny={IN}/{OUT}",
    )]  # fmt: skip
    done = lab.afcost("guard", "--cap", "1", *options, "--", sys.executable, "study.py")
    told = Counter(map(_sum_usage, json.loads(done.stdout)))
    calls = list(read_calls(open_guard_folder(lab.folder / "runs" / "study")))
    assert told == Counter((call.answer.prompt_tokens, call.answer.output) for call in calls)
    assert all(call.attempt.bound >= call.answer.prompt_tokens for call in calls)
    bill = sum((p * IN + c * OUT for p, c in told.elements()), Decimal(0)) / 1_000_000
    spent = sum((call.settled for call in calls), Money()).to_decimal_string()
    assert bill <= Decimal(spent) <= bill * Decimal("1.05"), "the same, or the text's own count"


def _billed(call) -> tuple[int, int]:
    return _sum_usage(call.usage)


def _sum_usage(usage: dict[str, int]) -> tuple[int, int]:
    """Return the tokens of prompt and answer that a server reports."""
    if "prompt_tokens" in usage:
        return usage["prompt_tokens"], usage["completion_tokens"]
    cached = usage.get("cache_read_input_tokens", 0)
    return usage["input_tokens"] + cached, usage["output_tokens"]


def _booked(row) -> tuple[int, int]:
    return row["input"] + row["cache_read"] + row["cache_write"], row["output"]


def _is_text(row: dict[str, Any]) -> bool:
    """Return whether an answer is one that judges read: random weights may write nothing."""
    completion = Completion(row["text"], row["finish"], row["refusal"])
    return read_answer(completion, AnswerFormat(), row["prefill"]).kind is AnswerKind.TEXT
