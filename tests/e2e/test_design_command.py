"""`afcost design`: which gap a budget can find, and the chosen row as an experiment."""

import json
import re
from pathlib import Path

import pytest

from tests.e2e.sample_experiment import planned
from tests.support.provider.behaviour import Behaviour

AS_RUN = ("-m", "lab/model", "--max-tokens", "400")


def flat(text):
    return " ".join(text.split())


def test_it_shows_a_table_what_limits_it_and_alternatives(afcost):
    shown = afcost("design", "--budget", "50", "--model", "claude-sonnet-4.5")[0]
    rows = re.findall(r"^\d+ +(cot|no-cot|both) .*pp", shown, re.MULTILINE)
    assert rows == ["cot"] * 4 + ["no-cot"] * 4 + ["both"] * 4
    assert "19 of 20 such studies cost less than $50.00" in shown
    assert "60 queries like these cannot show less than 8.2 pp, whatever is spent" in shown
    assert "No rate limit is known: anthropic, openai tell what an account may send only" in shown
    assert "- only no-cot: " in shown
    assert "- batch prices: " in shown
    assert "(afcost estimate --batch plans them)" in shown
    assert max(map(len, re.findall(r"^\d+ +(?:cot|no-cot|both) .*$", shown, re.MULTILINE))) <= 80


def test_what_a_gap_costs_and_how_long_it_takes(afcost):
    asked = ("design", "--mde", "0.07", "-m", "claude-sonnet-4.5", "--rpm", "50")
    shown = afcost(*asked)[0]
    assert "what it costs to find a gap of 7.0 pp between free and paid" in shown
    assert re.search(
        r"^4 +cot +more +\d+ x 1 +\$\d+\.\d\d +\$\d+\.\d\d +– +[\d.]+[mh]$", shown, re.MULTILINE
    )
    assert "Time: likely, of the longer design, with 10 in flight (--concurrency)" in shown
    assert "No rate limit is known" not in shown


def test_json_has_every_row(afcost):
    found = json.loads(afcost("design", "--budget", "50", "--format", "json")[0])
    assert found["schema"] == "afcost.design/1"
    assert (found["budget_usd"], found["mde"], found["levels"]) == ("50.00", None, ["free", "paid"])
    assert [row["row"] for row in found["rows"]] == list(range(1, 13))
    for row in found["rows"]:
        assert float(row["like_these"]["q95_usd"]) <= 50


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "give either --budget USD or --mde GAP"),
        (("--budget", "5", "--mde", "0.1"), "give either --budget USD or --mde GAP"),
        (("--mde", "5"), "5"),
        (("--budget", "5", "--rates", "0.3"), "'0.3' is not two shares, such as 0.35,0.2"),
        (("--budget", "5", "--labels", "l.csv"), "name it with --from RUN"),
        (("--budget", "5", "--row", "3"), "name a file with --write FILE"),
    ],
)
def test_what_it_cannot_read(afcost, arguments, said):
    assert said in flat(afcost("design", *arguments, ends=2)[1])


def test_a_judge_that_guesses_is_an_error_in_words(afcost):
    said = afcost("design", "--budget", "5", "--judge-error", "0.5,0.5", ends=2)[1]
    assert "tell nothing apart" in flat(said)


def test_too_little_money_says_what_the_least_costs(afcost):
    said = afcost("design", "--budget", "0.001")[0]
    found = re.search(
        r"one that finds 20.0 pp takes a budget of \$([\d.]+): \d+ queries of", flat(said)
    )
    assert "It pays for no study that shows a gap." in said
    assert not re.search(r"^\d+ +(cot|no-cot|both)", said, re.MULTILINE), "no empty rows"
    cents = round(float(found[1]) * 100)
    for money, is_useful in ((cents, True), (cents - 2, False)):
        rows = json.loads(afcost("design", "--budget", f"{money / 100}", "--format", "json")[0])[
            "rows"
        ]
        designs = [row["like_these"] for row in rows if row["queries"] in (60, None)]
        assert any(each and each["gap"] <= 0.2 for each in designs) is is_useful


def test_answers_of_a_run_say_how_they_vary(server, tmp_path):
    price = '{input: "0.50", output: "2.00", source: "the lab"}'
    lab = planned(tmp_path, server.url, price, limit=6)
    server.reset(Behaviour(answer="by-tier", output_tokens=(20, 300)))
    lab.afcost("approve", "plan.json", "--cap", "1", "--yes")
    lab.afcost("run", "plan.json")
    (run,) = (each.name for each in (tmp_path / "runs").iterdir() if each.is_dir())
    found = lab.afcost(
        "design", "--budget", "1", "--from", f"runs/{run}", "af/experiment.yaml", *AS_RUN
    ).stdout
    assert f"variance: measured: in runs/{run} by compliance, 6 queries" in found
    assert "measure it with a pilot" not in found
    assert f"lengths by history (6 queries of runs/{run})" in found
    ask = ("design", "--budget", "1", "af/experiment.yaml", *AS_RUN, "--format", "json")
    guessed = json.loads(lab.afcost(*ask).stdout)["costs"]
    known = json.loads(lab.afcost(*ask, "--from", f"runs/{run}").stdout)["costs"]
    bill, spent = json.loads(lab.afcost("report", f"runs/{run}", "--format", "json").stdout), 0.0
    for each in known:
        assert each["basis"] == ["history"]
        spent += 6 * float(each["likely_usd"])
    assert spent == pytest.approx(float(bill["spent_usd"]), rel=0.15), "of other prompts too"
    assert spent < 6 * sum(float(each["likely_usd"]) for each in guessed) * 0.85

    other = lab.afcost(*ask, "--from", f"runs/{run}", "--max-tokens", "1000")
    assert f"warning: no cost is taken from runs/{run}" in flat(other.stderr)
    assert f"afcost report runs/{run} --answers usage.csv" in flat(other.stderr)
    assert all(each["basis"] == ["prior"] for each in json.loads(other.stdout)["costs"])


def test_a_row_is_written_without_a_question_off_a_terminal(afcost):
    afcost("init", "e")
    written = afcost("design", "e/experiment.yaml", "--budget", "5", "--write", "e/small.yaml")
    said = re.search(r"Wrote row 9 to e/small.yaml: (\d+) queries x (\d+) samples?", written[1])
    assert said
    planned = json.loads(afcost("estimate", "e/small.yaml", "--format", "json")[0])
    calls = sum(each["requests"] for each in planned["strata"] if each["stage"] == "subject")
    assert calls == 4 * int(said[1]) * int(said[2])
    assert float(planned["total"]["cost_usd"]["q95"]) <= 5 * 1.01


def test_a_written_row_asks_models_as_it_was_priced(afcost):
    """Batches and flex, which `--by` chose; the built-in experiment, its judge as well."""
    afcost("init", "e")
    path = Path("e/experiment.yaml")
    path.write_text(path.read_text().replace("models: [llama-3.1-70b]", "models: [gpt-5, gpt-4o]"))
    ask = ("e/experiment.yaml", "--budget", "5000", "--by", "9d", "--max-tokens", "4096")
    said = afcost("design", *ask, "--write", "e/all.yaml", "--format", "json")[0]
    found = json.loads(said)
    assert set(found["ways"].values()) >= {"batch"}
    text = Path("e/all.yaml").read_text()
    assert "batch: yes" in text or "service_tier: flex" in text
    planned = json.loads(
        afcost("estimate", "e/all.yaml", "--max-tokens", "4096", "--format", "json")[0]
    )
    (row,) = [
        each
        for each in found["rows"]
        if each["queries"] == found["queries"] and each["gaps"] == 2 * 2
    ]
    cost = float(row["like_these"]["likely_usd"])
    assert float(planned["total"]["cost_usd"]["mean"]) == pytest.approx(cost, rel=0.001)
    batched = {name for name, way in found["ways"].items() if way == "batch"}
    assert batched == {
        f"{each['provider']}/{each['model']}"
        for each in planned["strata"]
        if each["price"]["processing"] == "batch"
    }
