"""A stranger's experiment: nothing is sent before an approval, and the approval says where to."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Iterator

import pytest
import yaml

from tests.e2e.sample_experiment import KEYS, Lab
from tests.support.provider.behaviour import Behaviour

AWS_KEY = "AKIA-0123456789abcdef"
PRICE = {"input": "0.50", "output": "2.00"}


@pytest.fixture
def lab(tmp_path, monkeypatch):
    """Return a researcher whose environment holds what an experiment file might ask for."""
    monkeypatch.setitem(KEYS, "AWS_SECRET_ACCESS_KEY", AWS_KEY)
    monkeypatch.setitem(KEYS, "ANTHROPIC_API_KEY", "sk-ant-5c1e77aa")
    return Lab(tmp_path)


@pytest.fixture
def ear() -> Iterator[Ear]:
    """Listen on a free port of 127.0.0.1, and note every connection."""
    listening = Ear()
    yield listening
    listening.close()


class Ear:
    """A server that answers nothing and counts who connects."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self.connections = 0
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # it was closed
            while True:
                self._socket.accept()[0].close()
                self.connections += 1

    def close(self) -> None:
        """Stop listening."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(5)


def test_the_ear_hears(ear):
    for _ in range(2):
        with socket.create_connection(ear.url.removeprefix("http://").split(":")) as connection:
            assert connection.recv(1) == b""
    assert ear.connections >= 1


def write(lab: Lab, model: str, providers: dict, prices: dict | None = None, **changes) -> None:
    """Write an experiment of two requests, and the prices of its models."""
    fields = {
        "name": "small",
        "models": [model],
        "queries": {"file": "queries.txt"},
        "messages": [{"role": "user", "content": "{{ query }}"}],
        "sampling": {"max_tokens": 20},
        "providers": providers,
    }
    (lab.folder / "queries.txt").write_text("One?\nTwo?\n")
    (lab.folder / "experiment.yaml").write_text(yaml.safe_dump(fields | changes))
    priced = {"prices": {model: PRICE} if prices is None else prices}
    (lab.folder / "afcost.prices.yaml").write_text(yaml.safe_dump(priced))


def confirmed(lab: Lab) -> list[str]:
    data = json.loads((lab.folder / "plan.approval.json").read_text())
    return data["approval"]["confirmed"]


APPROVE = ("approve", "plan.json", "--cap", "1")


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("helper", {"kind": "anthropic", "api_key_env": "AWS_SECRET_ACCESS_KEY"}),
        ("helper", {"kind": "anthropic", "api_key_env": "LAB_KEY"}),
        ("helper", {"kind": "anthropic"}),
        ("anthropic", {}),
        ("anthropic", {"api_key_env": "AWS_SECRET_ACCESS_KEY"}),
    ],
)
def test_no_command_sends_anything_before_an_approval(lab, ear, name, fields):
    model = f"{name}/claude-sonnet-4-6"
    write(lab, model, {name: {"base_url": f"{ear.url}/v1", **fields}})
    lab.afcost("estimate", "experiment.yaml", "-o", "plan.json")
    lab.afcost("run", "plan.json", "--dry-run", ends=3)
    lab.afcost("run", "plan.json", ends=3)
    lab.afcost("prices", "check", "experiment.yaml")
    lab.afcost("prices", "quote", model, "experiment.yaml")
    lab.afcost("prices", "diff", "plan.json")
    lab.afcost(*APPROVE, ends=3)
    lab.afcost("status", "runs/small", ends=1)
    lab.afcost("report", "runs/small", ends=1)
    assert ear.connections == 0


def test_a_doctor_asks_no_provider_of_an_experiment(lab, ear):
    """It reads no experiment, so one is enough: it loads every vocabulary, which takes seconds."""
    write(lab, "anthropic/claude-sonnet-4-6", {"anthropic": {"base_url": f"{ear.url}/v1"}})
    lab.afcost("estimate", "experiment.yaml", "-o", "plan.json")
    lab.afcost("doctor")
    assert ear.connections == 0


def test_counts_by_the_provider_are_the_users_word_but_not_for_a_secret(lab, ear):
    helper = {"kind": "anthropic", "base_url": f"{ear.url}/v1"}
    model = "helper/claude-sonnet-4-6"
    write(lab, model, {"helper": helper | {"api_key_env": "AWS_SECRET_ACCESS_KEY"}})
    done = lab.afcost("estimate", "experiment.yaml", "--count", "provider", ends=1)
    assert "--trust helper=AWS_SECRET_ACCESS_KEY" in done.stderr
    assert ear.connections == 0


def test_a_key_that_must_be_confirmed_goes_along_only_once_the_approval_says_so(lab, server):
    server.reset(Behaviour(api_key=AWS_KEY))
    helper = {
        "kind": "openai",
        "base_url": f"{server.url}/v1",
        "api_key_env": "AWS_SECRET_ACCESS_KEY",
    }
    write(lab, "helper/m", {"helper": helper})
    lab.afcost("estimate", "experiment.yaml", "-o", "plan.json")
    flag = "--trust helper=AWS_SECRET_ACCESS_KEY"
    refused = lab.afcost(*APPROVE, "--yes", ends=3)
    assert f"requests to helper: {server.url}/v1  (set by the experiment file)" in refused.stdout
    assert "the key in AWS_SECRET_ACCESS_KEY goes there" in refused.stdout
    assert flag in refused.stderr
    for wrong in ("helper=LAB_KEY", "other=AWS_SECRET_ACCESS_KEY"):
        lab.afcost(*APPROVE, "--yes", "--trust", wrong, ends=3)
    lab.afcost(*APPROVE, "--yes", "--trust", "helper", ends=2)
    assert not (lab.folder / "plan.approval.json").exists()
    lab.afcost(*APPROVE, "--yes", *flag.split())
    assert confirmed(lab) == [f"key helper=AWS_SECRET_ACCESS_KEY at {server.url}/v1"]
    lab.afcost("run", "plan.json")
    assert len(lab.answers()) == 2


def test_an_approval_of_before_does_not_confirm_what_must_be(lab, ear):
    helper = {"kind": "openai", "base_url": f"{ear.url}/v1", "api_key_env": "AWS_SECRET_ACCESS_KEY"}
    write(lab, "helper/m", {"helper": helper})
    lab.afcost("estimate", "experiment.yaml", "-o", "plan.json")
    lab.afcost(*APPROVE, "--yes", "--trust", "helper=AWS_SECRET_ACCESS_KEY")
    path = lab.folder / "plan.approval.json"
    data = json.loads(path.read_text())
    for lines in ([], ["key helper=AWS_SECRET_ACCESS_KEY at https://elsewhere.example/v1"]):
        path.write_text(json.dumps(data | {"approval": data["approval"] | {"confirmed": lines}}))
        for arguments in (("run", "plan.json"), ("run", "plan.json", "--dry-run")):
            done = lab.afcost(*arguments, ends=3)
            assert "Approve it again:  afcost approve plan.json --cap USD --trust" in done.stderr
    del data["approval"]["confirmed"]
    path.write_text(json.dumps(data))
    assert "Approve it again" in lab.afcost("run", "plan.json", ends=3).stderr
    assert ear.connections == 0


@pytest.mark.parametrize("answer", ["y\n", "n\n"])
def test_the_question_counts_as_the_word_and_comes_after_what_it_is_about(
    lab, monkeypatch, answer, capsys
):
    write(lab, "deepinfra/llama-3.1-8b", {"deepinfra": {"api_key_env": "OPENAI_API_KEY"}}, {})
    lab.afcost("estimate", "experiment.yaml", "-o", "plan.json")
    monkeypatch.setattr("sys.stdin", _Terminal(answer))
    with capsys.disabled():
        done = lab.afcost(*APPROVE, ends=0 if answer == "y\n" else 3)
    line = "key deepinfra=OPENAI_API_KEY at https://api.deepinfra.com/v1/openai"
    assert done.stdout.index(line) < done.stdout.index(
        "Approve spending up to $1.00 for the whole study, with all of"
    )
    if answer == "y\n":
        assert confirmed(lab) == [line]
    else:
        assert not (lab.folder / "plan.approval.json").exists()


class _Terminal:
    """A terminal on which one line is typed."""

    def __init__(self, line: str) -> None:
        self.line = line

    def isatty(self) -> bool:
        """Return that it is one."""
        return True

    def readline(self, *_: int) -> str:
        """Return what is typed."""
        return self.line


def test_what_is_as_built_in_or_ones_own_needs_no_word(lab, server):
    write(lab, "lab/m", {"lab": {"kind": "openai", "base_url": f"{server.url}/v1",
                                 "api_key_env": "LAB_KEY"}})  # fmt: skip
    lab.afcost("estimate", "experiment.yaml", "-o", "plan.json")
    assert "http: others on the way" not in lab.afcost(*APPROVE, "--yes").stdout
    assert confirmed(lab) == []
    write(lab, "openai/gpt-4o", {}, {})
    lab.afcost("estimate", "experiment.yaml", "-o", "plan.json")
    shown = lab.afcost(*APPROVE, "--yes").stdout
    assert "requests to openai: https://api.openai.com/v1\n" in shown
    assert "the key in OPENAI_API_KEY goes there" in shown
    assert confirmed(lab) == []


def test_an_address_in_clear_is_said(lab):
    write(lab, "helper/m", {"helper": {"kind": "openai", "base_url": "http://10.0.0.8/v1"}})
    lab.afcost("estimate", "experiment.yaml", "-o", "plan.json")
    shown = lab.afcost(*APPROVE, "--yes").stdout
    assert "no key goes there" in shown
    assert "http: others on the way can read the prompts" in shown


@pytest.mark.parametrize("price", [{"input": "0.0001", "output": "0.0001"}, PRICE])
def test_a_price_far_below_what_others_say_is_shown_and_must_be_accepted(lab, price):
    write(lab, "openai/gpt-4o", {}, {"openai/gpt-4o": price})
    lab.afcost("estimate", "experiment.yaml", "-o", "plan.json")
    refused = lab.afcost(*APPROVE, "--yes", ends=3)
    assert "price of openai/gpt-4o, set in a price file or by --price: " in refused.stdout
    assert "x below others; others say $2.50 in, $10 out per million (" in refused.stdout
    assert refused.stdout.count("$2.50 in") == 1  # once, with all who say it
    assert "--accept-price openai/gpt-4o" in refused.stderr
    lab.afcost(*APPROVE, "--yes", "--accept-price", "openai/gpt-4.1", ends=3)
    lab.afcost(*APPROVE, "--yes", "--accept-price", "openai/gpt-4o")
    assert confirmed(lab) == ["price openai/gpt-4o"]


@pytest.mark.parametrize("price", [{"input": "2", "output": "9"}, {"input": "25", "output": "400"}])
def test_a_price_near_or_above_what_others_say_is_only_shown(lab, price):
    write(lab, "openai/gpt-4o", {}, {"openai/gpt-4o": price})
    lab.afcost("estimate", "experiment.yaml", "-o", "plan.json")
    assert (
        "price of openai/gpt-4o, set in a price file or by --price: "
        in lab.afcost(*APPROVE, "--yes").stdout
    )
    assert confirmed(lab) == []


def test_a_flag_is_a_price_of_ones_own_as_well(lab):
    write(lab, "openai/gpt-4o", {}, {})
    lab.afcost("estimate", "experiment.yaml", "--price", "openai/gpt-4o=0.1/0.1", "-o", "plan.json")
    assert "--accept-price openai/gpt-4o" in lab.afcost(*APPROVE, "--yes", ends=3).stderr


def test_zero_is_refused_for_a_paid_api_and_shown_for_a_server_of_ones_own(lab, server):
    zero = {"input": "0", "output": "0"}
    write(lab, "openai/gpt-4o", {}, {"openai/gpt-4o": zero})
    done = lab.afcost("estimate", "experiment.yaml", "-o", "plan.json", ends=3)
    assert "$0 in / $0 out" in done.stderr
    assert not (lab.folder / "plan.json").exists()
    own = {"base_url": f"{server.url}/v1"}
    write(lab, "openai/gpt-4o", {"openai": own}, {"openai/gpt-4o": zero})
    lab.afcost("estimate", "experiment.yaml", "-o", "plan.json")
    shown = lab.afcost(*APPROVE, "--yes").stdout
    assert (
        "price of openai/gpt-4o, set in a price file or by --price: $0 in, $0 out per million"
        in shown
    )
    assert "at a server that is not built in" in shown
    assert confirmed(lab) == []


def test_an_unknown_field_is_refused_at_a_paid_api_unless_it_is_extra_and_confirmed(lab):
    write(lab, "openai/gpt-4o", {}, {}, sampling={"max_tokens": 20, "my_option": 1})
    done = lab.afcost("estimate", "experiment.yaml", "-o", "plan.json", ends=3)
    assert "openai/gpt-4o (sampling of subject): my_option: it is not known" in done.stderr
    assert "extra: {my_option: …}" in done.stderr
    sampling = {"max_tokens": 20, "extra": {"my_option": 1}}
    write(lab, "openai/gpt-4o", {}, {}, sampling=sampling)
    lab.afcost("estimate", "experiment.yaml", "-o", "plan.json")
    refused = lab.afcost(*APPROVE, "--yes", ends=3)
    assert "sampling of subject: my_option: openai may charge for it" in refused.stdout
    assert "--accept-field my_option" in refused.stderr
    lab.afcost(*APPROVE, "--yes", "--accept-field", "my_option")
    assert confirmed(lab) == ["field my_option at openai"]


def test_an_unknown_field_goes_to_a_server_of_ones_own_and_is_shown(lab, server):
    helper = {"helper": {"kind": "openai", "base_url": f"{server.url}/v1"}}
    write(lab, "helper/m", helper, sampling={"max_tokens": 20, "extra": {"my_option": 1}})
    lab.afcost("estimate", "experiment.yaml", "-o", "plan.json")
    shown = lab.afcost(*APPROVE, "--yes").stdout
    assert "my_option: afcost does not know it; helper gets it" in shown


def test_what_a_paid_api_is_said_to_take_is_shown_and_must_be_accepted(lab):
    changed = {"capabilities": {"limit_field": "max_completion_tokens"}}
    write(lab, "deepinfra/llama-3.1-8b", {"deepinfra": changed}, {})
    lab.afcost("estimate", "experiment.yaml", "-o", "plan.json")
    refused = lab.afcost(*APPROVE, "--yes", ends=3)
    line = 'field capabilities: {"limit_field": "max_completion_tokens"} at deepinfra'
    assert line in refused.stderr
    lab.afcost(*APPROVE, "--yes", "--accept-field", "capabilities")
    assert confirmed(lab) == [line]


def test_what_a_server_of_ones_own_takes_needs_no_confirmation(lab, server):
    own = {"kind": "openai", "base_url": f"{server.url}/v1"}
    write(lab, "helper/m", {"helper": own | {"capabilities": {"fields": {"min_p": "taken"}}}})
    lab.afcost("estimate", "experiment.yaml", "-o", "plan.json")
    lab.afcost(*APPROVE, "--yes")
    assert confirmed(lab) == []


def test_another_name_of_max_tokens_at_a_paid_api_is_shown_and_must_be_accepted(lab):
    changed = {"max_tokens_field": "max_completion_tokens", "prefill": "none"}
    write(lab, "deepinfra/llama-3.1-8b", {"deepinfra": changed}, {})
    lab.afcost("estimate", "experiment.yaml", "-o", "plan.json")
    refused = lab.afcost(*APPROVE, "--yes", ends=3)
    assert "max_tokens_field: max_completion_tokens  (set by the experiment" in refused.stdout
    assert "prefill: none  (set by the experiment file)" in refused.stdout
    assert "--accept-field max_tokens_field" in refused.stderr
    lab.afcost(*APPROVE, "--yes", "--accept-field", "max_tokens_field")
    assert confirmed(lab) == ["field max_tokens_field: max_completion_tokens at deepinfra"]


def test_a_field_with_a_price_of_its_own_is_shown(lab):
    write(lab, "openai/gpt-5.5", {}, {}, sampling={"max_tokens": 20, "service_tier": "flex"})
    lab.afcost("estimate", "experiment.yaml", "-o", "plan.json")
    shown = lab.afcost(*APPROVE, "--yes").stdout
    assert "sampling of openai/gpt-5.5: service_tier: flex, at a price of its own" in shown


def test_a_model_that_will_be_retired_before_the_approval_ends_is_shown(lab):
    write(lab, "openai/gpt-4-turbo", {}, {})
    lab.afcost("estimate", "experiment.yaml", "-o", "plan.json")
    shown = lab.afcost(*APPROVE, "--yes").stdout
    assert "openai/gpt-4-turbo was retired on 2026-10-23" in shown


@pytest.mark.parametrize(
    ("model", "fees"),
    [
        ("openai/gpt-4o-search-preview", "$10 to $35"),
        ("openai/gpt-5-search-api", "$10 to $35"),
        ("openai/o4-mini-deep-research", "$10 to $1000"),
        ("openrouter/perplexity/sonar", "$5 to $14"),
        ("openrouter/perplexity/sonar-pro", "$5 to $14"),
        ("openrouter/openai/gpt-4o-search-preview", "$10 to $35"),
    ],
)
def test_a_model_that_charges_for_searches_needs_a_price_that_covers_them(lab, model, fees):
    write(lab, model, {}, {})
    refused = lab.afcost("estimate", "experiment.yaml", ends=3).stderr
    assert "searches the web by itself" in refused
    assert f"{fees} for 1,000 requests are known (http" in refused
    line = yaml.safe_load(refused[refused.index(f"    {model}: ") :])
    assert line[model].keys() == {"input", "output", "per_request"}
    write(lab, model, {}, line)
    fee = json.loads(lab.afcost("estimate", "experiment.yaml", "--format", "json").stdout)
    price = fee["strata"][0]["price"]
    assert price["per_request"] == line[model]["per_request"]
    requests = fee["total"]["requests"]
    assert float(fee["total"]["cost_usd"]["ceiling"]) > requests * float(price["per_request"])


def test_a_model_that_searches_and_has_no_price_at_all_is_told_of_the_fee_as_well(lab):
    model = "openrouter/openai/gpt-4o:online"
    write(lab, model, {}, {})
    refused = lab.afcost("estimate", "experiment.yaml", ends=3).stderr
    assert f'{model}: {{input: "…", output: "…", per_request: "0.02"}}' in refused


@pytest.mark.parametrize(
    "setting",
    ["[approve]\nyes = true", "[approve]\ntrust = ['a=B']", "[approve]\naccept_price = ['x/y']",
     "[estimate]\ntrust = 'a=B'", "[approve]\naccept_field = ['x']"],
)  # fmt: skip
def test_a_settings_file_that_came_along_does_not_speak_for_the_user(lab, setting):
    write(lab, "openai/gpt-4o", {}, {})
    lab.afcost("estimate", "experiment.yaml", "-o", "plan.json")
    (lab.folder / "afcost.toml").write_text(setting)
    done = lab.afcost(*APPROVE, ends=2)
    assert "can only be given on the command line" in done.stderr
    assert not (lab.folder / "plan.approval.json").exists()
