"""Counts by the provider: asked for once, used where they are, and never in the way of `auto`."""

from __future__ import annotations

import math
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from types import MappingProxyType
from unittest import mock

import pytest
import yaml

from estimator.counting.tokenizer import CountingMethod, build_tokenizer
from estimator.errors import CountFailed
from estimator.plan.planner import EstimateOptions, estimate_experiment
from experiment.definition.experiment import Overrides
from experiment.definition.loader import load_experiment
from experiment.prompts.request import Message
from experiment.prompts.request_builder import RequestBuilder
from pricing.money import Money
from providers import key_rule, registry
from providers.registry import builtin_providers
from tests.runner import sample_experiment as lab
from tests.support.provider.count_endpoint import Trouble, run_counting

CLAUDE, OPUS, LLAMA = (
    f"anthropic/{name}" for name in ("claude-sonnet-4-5", "claude-opus-4-1", "llama-3.1-8b")
)
KEY = "sk-ant-0123456789abcdefghijklmnopqrstuvwxyz"
PROMPTS = 12  # the subjects'; a judge's holds an answer that nobody knows yet


@pytest.fixture
def server(monkeypatch, home):  # noqa: ARG001 - nothing asked before
    """Run a server that is Anthropic, as far as afcost knows: built in, at its own address."""
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    monkeypatch.setenv("LAB_KEY", KEY)
    with run_counting() as running, built_in_at("anthropic", f"{running.url}/v1"):
        yield running


@contextmanager
def built_in_at(name, url):
    known = builtin_providers()
    moved = MappingProxyType({**known, name: replace(known[name], base_url=url)})
    with ExitStack() as stack:
        for module in (registry, key_rule):
            patched = mock.patch.object(module, "builtin_providers", return_value=moved)
            stack.enter_context(patched)
        yield


@pytest.fixture
def path(tmp_path, server, monkeypatch):  # noqa: ARG001 - it counts
    """Return an experiment of 12 subjects and as many judges, all by one model of that server."""
    monkeypatch.chdir(tmp_path)
    path = lab.write(tmp_path / "small", model=CLAUDE, providers={})
    price = {"input": "3", "output": "15"}
    prices = {"prices": dict.fromkeys((CLAUDE, OPUS, LLAMA), price)}
    (path.parent / "afcost.prices.yaml").write_text(yaml.safe_dump(prices))
    return path


def plan(path, count, *changes, use_cache=True, trusted=(), **callbacks):
    options = EstimateOptions(count=count, use_cache=use_cache, trusted=trusted)
    return estimate_experiment(str(path), lab.DAY, *changes, options=options, **callbacks).plan


def words(path):
    """Return what the server counts of every request, by stage; a judge's with an empty answer."""
    requests = RequestBuilder(load_experiment(str(path)), lambda *_: True)
    found = {"subject": [], "compliance": []}
    for subject in requests.all_subject_requests():
        for request in (subject, *requests.build_judge_requests(subject, None)):
            text = " ".join(content for _, content in request.messages)
            found[request.stage].append(len(text.split()))
    return found


def test_every_distinct_prompt_is_asked_for_once_and_never_again(path, server, new_process):
    told = []
    made = plan(path, "auto", on_progress=lambda *each: told.append(each))
    assert len(server.calls) == len({call.text for call in server.calls}) == PROMPTS
    assert {call.headers["x-api-key"] for call in server.calls} == {KEY}
    assert told[PROMPTS - 1] == ("counting at anthropic", PROMPTS, PROMPTS)
    assert plan(path, "auto") == made
    plan(path, "auto", Overrides(samples=2))
    new_process()
    assert plan(path, "auto") == made
    assert plan(path, "auto", use_cache=False) == made
    assert len(server.calls) == PROMPTS


def test_only_new_prompts_are_asked_for(path, server):
    plan(path, "auto")
    with (path.parent / "queries.txt").open("a") as file:
        file.write("Please tell me about number 3.\n")
    plan(path, "auto")
    assert len(server.calls) == PROMPTS + 4
    plan(path, "auto", Overrides(models=(OPUS,)))
    assert len(server.calls) == PROMPTS + 4 + 16, "another model counts for itself; not its judge"


def test_the_servers_counts_are_the_plans_and_ceilings_rest_on_them_with_a_margin(path, server):
    made, counted = plan(path, "auto"), words(path)
    subjects = [stratum for stratum in made.strata if stratum.stage == "subject"]
    assert {stratum.exactness for stratum in subjects} == {"provider"}
    assert sum(stratum.input_tokens for stratum in subjects) == sum(counted["subject"])
    # $3 and $15 per million tokens; max_tokens is 24
    dearest = sum(3 * (n + math.ceil(n * 0.02) + 16) + 15 * 24 for n in counted["subject"])
    assert sum((s.cost.ceiling for s in subjects), Money()) == Money(dearest * 10**6)
    assert made.models[CLAUDE].counting.endpoint == f"{server.url}/v1"
    assert "is provider" in " ".join(made.assumptions)


def test_a_margin_is_rounded_up(path):
    tokenizer = plan(path, "auto").models[CLAUDE].tokenizer
    requests = RequestBuilder(load_experiment(str(path)), lambda *_: True)
    for subject in requests.all_subject_requests():
        count = tokenizer.count(subject.messages)
        assert count.bound - count.tokens == 17, "2 % of less than 50 tokens, and 16"


def test_a_prompt_that_was_not_asked_for_is_counted_here(path):
    tokenizer = plan(path, "auto").models[CLAUDE].tokenizer
    answered = (Message("user", "Was this refused? Answer: no, it was not"),)
    assert tokenizer.count(answered) == build_tokenizer(CLAUDE, CountingMethod()).count(answered)
    assert tokenizer.count(answered).exactness == "approximate"


@pytest.mark.parametrize("count", ["auto", "local"])
def test_without_a_key_nothing_is_asked(path, server, count, monkeypatch):
    if count == "auto":
        monkeypatch.delenv("ANTHROPIC_API_KEY")
    made = plan(path, count)
    assert not server.calls
    assert {stratum.exactness for stratum in made.strata} == {"approximate"}
    assert made == plan(path, "local")


def test_only_what_nobody_else_can_count_is_asked_for_unless_told_to(path, server):
    llama = Overrides(models=(LLAMA,))
    plan(path, "auto", llama)
    assert not server.calls, "neither Llama's prompts, nor those of the judge"
    made = plan(path, "provider", llama)
    assert {call.body["model"] for call in server.calls} == {"llama-3.1-8b"}
    assert made.strata[0].exactness == "provider"


REFUSAL = b'{"error": {"message": "no number 2 today"}}'


def refuse(server):
    server.troubles.append(Trouble(400, REFUSAL, times=10**6, word="number 2"))


def test_where_the_server_fails_auto_says_why_and_counts_here(path, server):
    refuse(server)
    made, local = plan(path, "auto"), plan(path, "local")
    (warning,) = set(made.warnings) - set(local.warnings)
    assert "no number 2 today" in warning
    assert "anthropic/claude-sonnet-4-5" in warning
    assert "counted locally instead" in warning
    assert made.strata == local.strata
    assert {stratum.exactness for stratum in made.strata} == {"approximate"}
    assert KEY not in warning


def test_where_the_server_fails_provider_fails_and_keeps_what_was_counted(
    path, server, new_process
):
    refuse(server)
    with pytest.raises(CountFailed, match="no number 2 today"):
        plan(path, "provider")
    answered = {call.text for call in server.calls if "number 2" not in call.text}
    assert answered
    asked = len(server.calls)
    server.troubles.clear()
    new_process()
    made = plan(path, "provider")
    anew = [call.text for call in server.calls[asked:]]
    assert len(anew) == PROMPTS - len(answered)
    assert not answered & set(anew)
    assert made.strata[0].exactness == "provider"


def test_where_nobody_can_be_asked_the_models_are_named(path, server, monkeypatch):
    monkeypatch.delenv("ANTHROPIC_API_KEY")
    with pytest.raises(CountFailed) as error:
        plan(path, "provider", Overrides(models=(OPUS,)))
    assert "anthropic/claude-opus-4.1 is counted locally" in str(error.value)
    assert "its key is not set" in str(error.value)
    assert not server.calls


def test_what_was_asked_is_used_also_where_it_cannot_be_kept(path, home, server):
    home.write_text("a file, where the folder would be")
    made = plan(path, "auto")
    subjects = [stratum for stratum in made.strata if stratum.stage == "subject"]
    assert sum(stratum.input_tokens for stratum in subjects) == sum(words(path)["subject"])
    assert len(server.calls) == PROMPTS


HELPER = "helper/claude-sonnet-4-5"


def elsewhere(path, server, variable, name="helper", **fields):
    """Have the experiment name that server as a provider, with the key of this variable."""
    provider = {"base_url": f"{server.url}/v1", "api_key_env": variable, **fields}
    data = yaml.safe_load(path.read_text())
    path.write_text(yaml.safe_dump(data | {"providers": {name: provider}}))
    (path.parent / "afcost.prices.yaml").write_text(
        yaml.safe_dump(
            {"prices": {model: {"input": "3", "output": "15"} for model in (CLAUDE, HELPER)}}
        )
    )
    return Overrides(models=(f"{name}/claude-sonnet-4-5",))


@pytest.mark.parametrize("variable", ["LAB_KEY", "AWS_SECRET_ACCESS_KEY", "ANTHROPIC_API_KEY"])
def test_auto_sends_nothing_to_a_provider_of_the_files_own_and_says_so(
    path, server, variable, monkeypatch
):
    monkeypatch.setenv(variable, KEY)
    made = plan(path, "auto", elsewhere(path, server, variable, kind="anthropic"))
    assert not server.calls
    assert any("nothing is sent there before an approval" in each for each in made.warnings)
    assert {stratum.exactness for stratum in made.strata} == {"approximate"}


@pytest.mark.parametrize("changed", [{"base_url": "%s/v1/"}, {"api_key_env": "LAB_KEY"}])
def test_auto_sends_nothing_to_a_built_in_provider_that_the_file_changed(path, server, changed):
    fields = {name: text.replace("%s", server.url) for name, text in changed.items()}
    data = yaml.safe_load(path.read_text())
    path.write_text(yaml.safe_dump(data | {"providers": {"anthropic": fields}}))
    made = plan(path, "auto")
    assert not server.calls
    assert any("nothing is sent there before an approval" in each for each in made.warnings)


def test_a_provider_of_ones_own_counts_when_told_to(path, server):
    made = plan(path, "provider", elsewhere(path, server, "LAB_KEY", kind="anthropic"))
    assert len(server.calls) == PROMPTS
    assert made.models[HELPER].counting.endpoint == f"{server.url}/v1"


def test_a_key_that_must_be_confirmed_goes_to_a_count_endpoint_only_where_it_is_trusted(
    path, server, monkeypatch
):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", KEY)
    models = elsewhere(path, server, "AWS_SECRET_ACCESS_KEY", kind="anthropic")
    both = Overrides(models=(CLAUDE, *models.models))
    for trusted in ((), ("helper=LAB_KEY",), ("anthropic=AWS_SECRET_ACCESS_KEY",)):
        with pytest.raises(CountFailed) as error:
            plan(path, "provider", both, trusted=trusted)
        assert "--trust helper=AWS_SECRET_ACCESS_KEY" in str(error.value)
        assert not server.calls, "nor to the other provider, which may have its own key"
    plan(path, "provider", models, trusted=("helper=AWS_SECRET_ACCESS_KEY",))
    assert len(server.calls) == PROMPTS


def test_a_count_endpoint_that_redirects_is_not_followed(path, server):
    with run_counting() as other:
        server.troubles.append(
            Trouble(307, b"", times=10**6, headers={"Location": f"{other.url}/v1/messages"})
        )
        made = plan(path, "auto")
        assert not other.calls
    assert any("HTTP 307" in each for each in made.warnings)
