"""promptfoo and lm-eval, unchanged, under `afcost guard`: to their end, and to a cap before it."""

from __future__ import annotations

import json
import platform
import re
import shutil
import sys
from collections import Counter
from dataclasses import replace
from decimal import Decimal

import pytest

from tests.clients.environments import LM_EVAL, PROMPTFOO, SCRIPTS, find_folder
from tests.clients.test_clients import (
    MODELS,
    REAL_KEY,
    check_ledger_is_bill,
    dollars,
    guard,
)
from tests.support.provider.behaviour import Behaviour
from tests.support.provider.server import run_provider

pytestmark = [pytest.mark.clients, pytest.mark.filterwarnings("ignore")]
USUAL = Behaviour(api_key=REAL_KEY, tier="default", input_tokens="counted", output_tokens=40)
BY_ADDRESS = (
    *("openai:responses:gpt-4o-mini", "google:gemini-2.5-flash"),
    *("mistral:mistral-small-latest", f"fireworks:{MODELS['fireworks']}"),
)
BY_INTERCEPT = (
    *("groq:llama-3.1-8b-instant", "xai:grok-4", f"openrouter:{MODELS['openrouter']}"),
    *("deepseek:deepseek-chat", f"togetherai:{MODELS['together']}", "cerebras:llama3.1-8b"),
)
FAILED = 100  # promptfoo's exit code where a case failed
CASES, HARD = range(1, 9), {1, 4, 7}
RIGHT = '{"pass": true, "score": 1, "reason": "."}'
WRONG = '{"pass": false, "score": 0, "reason": "."}'
GRADED = replace(USUAL, text="A sum.", replies={"It is hard.": WRONG, "It says": RIGHT})


@pytest.fixture(scope="module")
def provider():
    with run_provider(USUAL) as provider:
        yield provider


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    return find_folder(tmp_path_factory.mktemp("clients"))


class Promptfoo:
    """An evaluation of promptfoo, in a folder."""

    def __init__(self, command, provider, folder):
        self.provider, self.folder = provider, folder
        self.command = [command, "eval", "-c", "promptfooconfig.yaml", "-o", "told.json", "-j", "1"]
        shutil.copy(SCRIPTS / PROMPTFOO.script, folder)

    def run(self, cap, *options, ends):
        quiet = {"PROMPTFOO_DISABLE_TELEMETRY": "1", "PROMPTFOO_DISABLE_UPDATE": "1"}
        own = quiet | {"PROMPTFOO_CONFIG_DIR": str(self.folder / "own")}
        url, cap = self.provider.url, Decimal(cap)
        done = guard(url, self.folder, cap, self.command, *options, environment=own)
        assert done.returncode == ends, done.stdout + done.stderr
        check_ledger_is_bill(self.folder, self.provider.bill())
        assert dollars(self.provider.bill()) <= cap
        told = json.loads((self.folder / "told.json").read_text())["results"]["results"]
        return done.stderr, {each["vars"]["n"]: each for each in told}

    def refused(self):
        lines = (self.folder / "run" / "refused.jsonl").read_text().splitlines()
        return [json.loads(line) for line in lines]


@pytest.fixture
def promptfoo(provider, folder, tmp_path):
    if shutil.which("npm") is None or (sys.platform, platform.machine()) != ("linux", "x86_64"):
        pytest.skip("Node is not here, or its database is not installed for this machine")
    provider.reset(GRADED)
    return Promptfoo(PROMPTFOO.install_command(folder, "promptfoo"), provider, tmp_path)


def test_promptfoo_has_each_answer_graded(promptfoo):
    _, cases = promptfoo.run("1", ends=FAILED)
    assert {n for n, case in cases.items() if not case["success"]} == HARD
    calls = Counter(call.model for call in promptfoo.provider.bill().delivered)
    assert calls == {"gpt-4o-mini": len(CASES), "claude-haiku-4-5": len(CASES)}


def test_at_the_cap_the_cases_are_named_that_promptfoo_scores_without_a_grade(promptfoo):
    said, cases = promptfoo.run("0.015", ends=4)
    ungraded = {n for n, case in cases.items() if "cap of" in str(case["gradingResult"])}
    assert 3 <= len(ungraded) <= 6
    assert not any(cases[n]["success"] or cases[n]["score"] for n in ungraded)
    named = [re.search(r"what (\d) plus", each["begins"])[1] for each in promptfoo.refused()]
    assert Counter(map(int, named)) == Counter(ungraded)
    assert f"the cap was reached, {len(ungraded)} calls were not sent" in said
    assert "promptfoo counts an answer whose grader was refused as a failure" in said
    graded = cases.keys() - ungraded
    assert {n for n in graded if not cases[n]["success"]} == graded & HARD
    paid = len(promptfoo.provider.bill().calls)
    shutil.copy(promptfoo.folder / "told.json", promptfoo.folder / "before.json")
    promptfoo.command += ["--filter-failing", "before.json"]
    _, again = promptfoo.run("1", ends=FAILED)
    assert again.keys() == ungraded | HARD  # what passed is not asked for again
    assert {n for n, case in again.items() if not case["success"]} == HARD
    assert len(promptfoo.provider.bill().calls) == paid + 2 * len(again)


@pytest.mark.parametrize(("names", "options"), [(BY_ADDRESS, ()), (BY_INTERCEPT, ("--intercept",))])
def test_promptfoo_asks_further_providers(promptfoo, names, options):
    config = {"prompts": ["What is 2 plus 2?"], "providers": names, "tests": [{"vars": {"n": 1}}]}
    (promptfoo.folder / PROMPTFOO.script).write_text(json.dumps(config))
    promptfoo.run("1", *options, ends=0)
    assert len(promptfoo.provider.bill().delivered) == len(names)


@pytest.mark.parametrize("at_once", [1, 4])
def test_lm_eval_by_its_address_is_answered_and_goes_on_after_the_cap(
    provider, folder, tmp_path, at_once
):
    for name in (LM_EVAL.script, "sums.jsonl"):
        shutil.copy(SCRIPTS / name, tmp_path)
    provider.reset(replace(USUAL, text="0", replies={"2 plus 2": "4", "4 plus 4": "8"}))
    own = f"model=gpt-4o-mini,num_concurrent={at_once}"
    address = '"base_url=$OPENAI_BASE_URL/chat/completions'
    line = f"{LM_EVAL.install_command(folder, 'lm_eval')} --model local-chat-completions"
    line += f' --model_args {address},{own}" --include_path . --tasks sums --use_cache known'
    line += " --apply_chat_template --output_path told.json"
    offline = {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "HF_HOME": str(tmp_path / "hf")}
    for cap, ends in (("0.0021", 4), ("1", 0)):
        done = guard(provider.url, tmp_path, Decimal(cap), ["sh", "-c", line], environment=offline)
        assert done.returncode == ends, done.stdout + done.stderr
        check_ledger_is_bill(tmp_path, provider.bill())
        assert dollars(provider.bill()) <= Decimal(cap)
        told = [json.loads(each.read_text()) for each in tmp_path.glob("told_*.json")]
        assert len(told) == (ends == 0)  # what the cap ended has no result
        if ends:
            assert 1 <= len(provider.bill().calls) < 4
            assert "lm-eval asks for a refused call three times" in done.stderr
    assert told[0]["results"]["sums"]["exact_match,none"] == 0.5
    assert len(provider.bill().calls) == 4  # what was answered is not paid again
