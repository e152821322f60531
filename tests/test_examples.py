"""Each example is estimated by the command that its header names, and the table lists them all."""

from __future__ import annotations

import json
import re
import shlex
from collections import Counter
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import pytest

from afcost import cli

ROOT = Path(__file__).parent.parent
EXAMPLES = ROOT / "examples"


@dataclass(frozen=True)
class Expected:
    """An example's requests by stage and model, and its price where that is the user's own."""

    requests: dict[tuple[str, str], int]
    price: tuple[Decimal, Decimal] | None = None  # US dollars per million tokens in and out

    @property
    def total(self) -> int:
        return sum(self.requests.values())


EXPECTED = {
    "politeness": Expected(
        {
            ("subject", "deepinfra/llama-3.1-8b"): 2 * 4 * 2,
            ("helpful", "openai/gpt-4o-mini"): 2 * 4 * 2,
        }
    ),
    "three-judges": Expected(
        {
            ("subject", "deepinfra/llama-3.1-8b"): 2 * 3,
            ("compliance", "openai/gpt-4o-mini"): 2 * 3,
            ("reasoning", "openai/gpt-4o-mini"): 2 * 3 * 20,
            ("tone", "openai/gpt-4o-mini"): 2 * 3,
        }
    ),
    "two-models": Expected(
        {
            ("subject", "deepinfra/llama-3.1-8b"): 5 * 3,
            ("subject", "openai/gpt-4o-mini"): 5 * 3,
        }
    ),
    "stop-early": Expected(
        {
            ("subject", "deepinfra/llama-3.1-8b"): 2 * 20,
            ("hedges", "openai/gpt-4o-mini"): 2 * 20,
        }
    ),
    "own-prices": Expected(
        {("subject", "deepinfra/llama-3.1-8b"): 3}, (Decimal("0.015"), Decimal("0.03"))
    ),
    "own-provider": Expected(
        {("subject", "my-lab/llama-3.1-8b"): 4}, (Decimal("0.05"), Decimal("0.1"))
    ),
}


def command_of(name: str) -> list[str]:
    """Return the arguments of the command in the two-line header of an example."""
    shows, command = (EXAMPLES / name / "experiment.yaml").read_text().splitlines()[:2]
    assert re.fullmatch(r"# [A-Z].*[.?]", shows)
    assert command.startswith("# Try: afcost ")
    return shlex.split(command)[3:]


@pytest.fixture
def estimate(monkeypatch, capsys):
    """Return what runs an example's own command in the checkout, without a key, and reads it."""

    def run(name: str):
        assert cli.run_cli([*command_of(name), "--format", "json"]) == 0
        return json.loads(capsys.readouterr().out)

    monkeypatch.chdir(ROOT)
    monkeypatch.delenv("MY_LAB_KEY", raising=False)
    return run


of_each_example = pytest.mark.parametrize(("name", "expected"), EXPECTED.items(), ids=EXPECTED)


@of_each_example
def test_an_example_sends_the_requests_it_promises_and_counts_them_exactly(
    estimate, name, expected
):
    estimated, requests = estimate(name), Counter()
    for stratum in estimated["strata"]:
        model = f"{stratum['provider']}/{stratum['model']}"
        requests[stratum["stage"], model] += stratum["requests"]
        assert stratum["exactness"] == "exact" or stratum["stage"] != "subject"
    assert requests == expected.requests
    assert estimated["total"]["requests"] == expected.total


@of_each_example
def test_an_example_costs_something_and_at_most_its_ceiling(estimate, name, expected):
    estimated = estimate(name)
    for cost in [estimated["total"]["cost_usd"], *(s["cost_usd"] for s in estimated["strata"])]:
        low, mean, ceiling = (Decimal(cost[figure]) for figure in ("q05", "mean", "ceiling"))
        assert 0 < low < mean < ceiling < 1  # dollars
    if expected.price:
        (stratum,) = estimated["strata"]
        price = tuple(Decimal(stratum["price"][way]) for way in ("input", "output"))
        assert price == expected.price
        tokens = stratum["input_tokens"], stratum["output_tokens"]["ceiling"]
        exact = sum(count * rate for count, rate in zip(tokens, price, strict=True))
        assert Decimal(stratum["cost_usd"]["ceiling"]) * 1_000_000 == exact


def test_the_table_lists_every_example_with_its_requests():
    rows = re.findall(
        r"^\| \[([\w-]+)\]\(\1/experiment\.yaml\) \| .* \| (\d+) \|$",
        (EXAMPLES / "README.md").read_text(),
        re.MULTILINE,
    )
    assert dict(rows) == {name: str(expected.total) for name, expected in EXPECTED.items()}
    assert {path.parent.name for path in EXAMPLES.glob("*/experiment.yaml")} == EXPECTED.keys()


def test_the_example_with_three_judges_has_the_built_in_prompts():
    for name in ("judge.compliance.md", "judge.reasoning.md"):
        built_in = ROOT / "experiment" / "builtin" / "alignment-faking" / "prompts" / name
        copied = EXAMPLES / "three-judges" / "prompts" / name
        assert copied.read_text() == built_in.read_text()
