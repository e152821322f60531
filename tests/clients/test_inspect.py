"""Evaluations of the real Inspect: planned without a call, run within a cap, and completed.

A sample has five calls: an answer, a critique, a better answer, and the verdicts of two judges.
`nox -s clients` runs these.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import replace
from decimal import Decimal

import pytest

from tests.clients.environments import CLIENTS, SCRIPTS, find_folder
from tests.support.provider.behaviour import Behaviour
from tests.support.provider.server import run_provider

pytestmark = [pytest.mark.clients, pytest.mark.filterwarnings("ignore")]
REAL_KEY, SAID, CALLS = "sk-real-0123456789abcdef", "GRADE: C", 5
SAMPLES = 20
MODELS = ("openai/gpt-4o-mini", "openai/gpt-4o", "anthropic/claude-haiku-4-5")
IN, OUT = Decimal(3), Decimal(15)
USUAL = Behaviour(
    text=SAID, api_key=REAL_KEY, tier="default", input_tokens="counted", output_tokens=4
)


@pytest.fixture(scope="module")
def provider():
    with run_provider(USUAL) as provider:
        yield provider


@pytest.fixture(scope="session")
def python(tmp_path_factory):
    (clients,) = (each for each in CLIENTS if each.name == "inspect")
    return clients.install(find_folder(tmp_path_factory.mktemp("clients")))[0]


@pytest.fixture
def lab(provider, python, tmp_path):
    provider.reset(USUAL)
    shutil.copy(SCRIPTS / "judged.py", tmp_path)
    return Lab(provider, python, tmp_path)


class Lab:
    """A folder with an evaluation, and `afcost inspect` to run it."""

    def __init__(self, provider, python, folder):
        self.provider, self.python, self.folder = provider, python, folder
        keys = {"OPENAI_API_KEY": REAL_KEY, "ANTHROPIC_API_KEY": REAL_KEY}
        kept = {
            name: os.environ[name] for name in ("PATH", "HOME", "PYTHONPATH") if name in os.environ
        }
        self.environment = kept | keys | {"AFCOST_HOME": str(folder / "home")}

    def command(self, what, *arguments):
        options = ["--python", self.python, "--default-max-tokens", "64"]
        options += [word for each in MODELS for word in ("--price", f"{each}={IN}/{OUT}")]
        return [sys.executable, "-m", "afcost", "inspect", what, *arguments, *options]

    def run_command(self, cap, *arguments):
        upstreams = [("openai", "v1"), ("anthropic", "v1")]
        to = [f"{name}={self.provider.url}/{version}" for name, version in upstreams]
        sent = [
            word for each in to for word in ("--upstream", each, "--send-key", each.split("=")[0])
        ]
        quiet = ("--display", "none", "--log-level", "error", "--run-dir", "run")
        return self.command("run", "judged.py", "--cap", cap, *quiet, *sent, *arguments)

    def call(self, command, ends=0):
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == ends, done.stdout + done.stderr
        return done

    def run(self, cap, *arguments, ends=0):
        """Run the evaluation; return what was said and how many calls were made for it."""
        before = len(self.provider.bill().calls)
        command = self.run_command(cap, "--model", "openai/gpt-4o-mini", *arguments)
        said = self.call(command, ends).stderr
        return said, len(self.provider.bill().calls) - before

    def estimate(self, *arguments):
        done = self.call(self.command("estimate", *arguments, "--format", "json"))
        return json.loads(done.stdout)

    def log(self):
        return max((self.folder / "run" / "logs").iterdir())

    def grades(self, run):
        """Return sample -> its grade, of a run's newest log; those that have errors have none."""
        log = json.loads(max((self.folder / run / "logs").glob("*.json")).read_text())
        assert all(bool(each["scores"]) != bool(each.get("error")) for each in log["samples"])
        scored = (each for each in log["samples"] if each["scores"])
        return {each["id"]: each["scores"]["model_graded_qa"]["value"] for each in scored}

    def spent(self):
        done = self.call([sys.executable, "-m", "afcost", "report", "run", "--format", "json"])
        return Decimal(json.loads(done.stdout)["spent_usd"])

    def dollars(self):
        bill = self.provider.bill()
        return (bill.input_tokens * IN + bill.output_tokens * OUT) / 1_000_000


def tokens(told):
    """Return model -> calls and tokens of their prompts."""
    found = {}
    for each in told["strata"]:
        calls, prompt = found.get(each["model"], (0, 0))
        found[each["model"]] = (calls + each["calls"], prompt + each["input_tokens"])
    return found


def list_prompts(bill):
    """Return what was asked, and of which model: a call that was made twice is there twice."""
    return sorted((call.model, call.prompt) for call in bill.calls)


def test_every_call_is_planned_and_nothing_sent_and_the_counts_are_the_bill(lab):
    (lab.folder / "reply.txt").write_text(SAID)
    asked = ("--model", "openai/gpt-4o-mini", "--epochs", "2")
    planned = tokens(lab.estimate("judged.py", *asked, "--reply", "reply.txt"))
    assert not lab.provider.bill().calls
    lab.run("5", "--epochs", "2")
    billed = {}
    for each in lab.provider.bill().calls:
        calls, prompt = billed.get(each.model, (0, 0))
        billed[each.model] = (calls + 1, prompt + each.input_tokens)
    assert {name.replace(".", "-"): both for name, both in planned.items()} == billed
    assert sum(calls for calls, _ in billed.values()) == 8 * CALLS


def test_at_the_cap_samples_are_missing_and_the_next_start_pays_only_for_them(lab):
    said, calls = lab.run("0.03", "-T", "samples=20", ends=4)
    assert calls % CALLS == 0  # no sample was begun in vain
    whole = calls // CALLS
    assert 2 <= whole < 20
    assert f"{whole} of 20 samples complete, status success" in said
    assert "accuracy 1, over the complete ones" in said
    assert f"{20 - whole} missing: afcost: cap of $0.03 reached" in said
    assert lab.dollars() <= Decimal("0.03")
    said, rest = lab.run("1", "-T", "samples=20")
    assert rest == (20 - whole) * CALLS
    assert "20 of 20 samples complete, status success" in said
    assert lab.run("1", "-T", "samples=20")[1] == 0
    assert lab.spent() == lab.dollars()


def test_accuracy_at_the_cap_is_that_of_the_complete_samples(lab):
    lab.provider.reset(replace(USUAL, replies={"It is hard.": "GRADE: I"}))
    lab.environment["INSPECT_LOG_FORMAT"] = "json"
    asked = ("-T", f"samples={SAMPLES}")
    lab.run("1", *asked, "--run-dir", "uncapped")
    uncapped = lab.grades("uncapped")
    assert Counter(uncapped.values()) == {"C": 13, "I": 7}
    paid = list_prompts(lab.provider.bill())
    lab.provider.reset()
    for cap, starts in (("0.02", 4), ("0.035", 4), ("1", 0)):
        said, _ = lab.run(cap, *asked, ends=starts)
        done = lab.grades("run")
        assert done.items() <= uncapped.items()  # each has the grade that it has without a cap
        accuracy = list(done.values()).count("C") / len(done)
        assert f"{len(done)} of {SAMPLES} samples complete, status success" in said
        assert f"accuracy {accuracy:.4g}, over the complete ones" in said, said
        assert lab.dollars() <= Decimal(cap)
        if starts:  # a missing sample that counted as wrong would show
            assert 4 <= len(done) < SAMPLES
            assert accuracy != pytest.approx(list(done.values()).count("C") / SAMPLES)
    assert done == uncapped
    bill = lab.provider.bill()
    assert list_prompts(bill) == paid  # none twice, and none more
    assert len(set(paid)) == len(paid) == SAMPLES * CALLS
    assert lab.spent() == lab.dollars()


def test_a_cap_is_used_but_for_less_than_one_sample(lab):
    lab.provider.reset(replace(USUAL, output_tokens=(30, 64)))
    said, calls = lab.run("0.75", "-T", "samples=200", ends=4)  # a sample reserves 1 % of it
    assert 100 * CALLS < calls < 200 * CALLS
    assert Decimal("0.97") <= lab.dollars() / Decimal("0.75") <= 1, said
    assert lab.spent() == lab.dollars()


def test_a_sample_that_is_too_large_for_the_cap_is_missing_and_smaller_ones_are_not(lab):
    said, calls = lab.run("0.1", "-T", "samples=6", "-T", "long=1", ends=4)
    assert "5 of 6 samples complete, status success" in said
    assert 5 * CALLS <= calls < 6 * CALLS
    said, rest = lab.run("5", "-T", "samples=6", "-T", "long=1")
    assert "6 of 6 samples complete, status success" in said
    assert rest == CALLS


def test_what_was_killed_goes_on_and_pays_again_only_what_was_in_flight(lab):
    lab.provider.reset(Behaviour(**(vars(USUAL) | {"delay": 0.2})))
    options = ("--model", "openai/gpt-4o-mini", "-T", "samples=12", "--max-samples", "2")
    command = lab.run_command("1", *options)
    with subprocess.Popen(
        command,
        cwd=lab.folder,
        env=lab.environment,
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as running:
        while len(lab.provider.bill().calls) < 4 * CALLS:
            time.sleep(0.05)
        os.killpg(running.pid, signal.SIGKILL)
    said, _ = lab.run("1", *options[2:])
    assert "12 of 12 samples complete, status success" in said
    assert len(lab.provider.bill().calls) <= (12 + 2) * CALLS + 2


def test_a_log_is_priced_again_for_other_models(lab):
    lab.run("5")
    bill = lab.provider.bill()
    told = lab.estimate("--like", str(lab.log()))
    assert sum(calls for calls, _ in tokens(told).values()) == len(bill.calls)
    assert sum(prompt for _, prompt in tokens(told).values()) == bill.input_tokens
    assert told["total"]["output_tokens"] == bill.output_tokens
    assert abs(Decimal(told["total"]["cost_usd"]["mean"]) - lab.dollars()) < Decimal("1e-6")
    other = lab.estimate("--like", str(lab.log()), "--model", "openai/gpt-4o=openai/gpt-6-luna")
    assert "gpt-6-luna" in tokens(other)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("-T", "sandbox=local"), "allow it: --allow-sandbox"),
        (("--model-role", "grader=openai/no-such-model"), "--price openai/no-such-model=IN/OUT"),
        (("--model-role", "grader=bedrock/x"), "bedrock is not asked through the gateway"),
    ],
)
def test_what_no_cap_can_hold_for_is_refused_before_the_first_call(lab, options, said):
    command = lab.run_command("1", "--model", "openai/gpt-4o-mini", *options)
    done = subprocess.run(
        command, cwd=lab.folder, env=lab.environment, capture_output=True, text=True, check=False
    )
    assert done.returncode in (1, 3)
    assert said in done.stderr
    assert not lab.provider.bill().calls
