"""`run` honours the proxy of the environment, from its first check to the last answer."""

from pathlib import Path

import pytest
import yaml

from tests.support.forward_proxy import run_forward_proxy
from tests.support.provider.behaviour import Behaviour

OF_THE_PROXY = "s3cr3t-w0rd-of-a-proxy"
EXPERIMENT = {
    "name": "behind-a-proxy",
    "models": ["my-lab/llama-3.1-8b"],
    "providers": {"my-lab": {"kind": "openai", "base_url": "http://vllm.lab.test/v1"}},
    "prices": {"my-lab/llama-3.1-8b": {"input": "1", "output": "1"}},
    "queries": {"file": "queries.txt"},
    "messages": [{"role": "user", "content": "{{ query }}"}],
    "sampling": {"max_tokens": 32},
}


@pytest.fixture
def proxy(server, monkeypatch, tmp_path):
    (tmp_path / "queries.txt").write_text("one\ntwo\nthree\n", encoding="utf-8")
    fields = {name: value for name, value in EXPERIMENT.items() if name != "prices"}
    (tmp_path / "e.yaml").write_text(yaml.safe_dump(fields), encoding="utf-8")
    prices = {"prices": EXPERIMENT["prices"]}
    (tmp_path / "afcost.prices.yaml").write_text(yaml.safe_dump(prices), encoding="utf-8")
    server.reset(Behaviour(wordy=True, output_tokens=8, models=("llama-3.1-8b",)))
    with run_forward_proxy(server.url) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url.replace("//", f"//me:{OF_THE_PROXY}@"))
        yield proxy


def test_every_request_of_a_run_goes_through_the_proxy(afcost, proxy, server, tmp_path):
    afcost("estimate", "e.yaml", "-o", "p.json")
    afcost("approve", "p.json", "--cap", "1", "--yes")
    assert proxy.calls == []
    afcost("run", "p.json")
    targets = [call.target for call in proxy.calls]
    assert targets == [
        "http://vllm.lab.test/v1/models",
        *["http://vllm.lab.test/v1/chat/completions"] * 3,
    ]
    assert len(server.bill().billed) == 3
    written = [path.read_bytes() for path in Path(tmp_path).rglob("*") if path.is_file()]
    assert not any(OF_THE_PROXY.encode() in content for content in written)


@pytest.mark.usefixtures("proxy")
def test_a_proxy_that_is_down_stops_a_run_before_anything_is_sent(afcost, monkeypatch):
    afcost("estimate", "e.yaml", "-o", "p.json")
    afcost("approve", "p.json", "--cap", "1", "--yes")
    monkeypatch.setenv("HTTP_PROXY", f"http://me:{OF_THE_PROXY}@127.0.0.1:9")
    _, said = afcost("run", "p.json", ends=3)
    assert "cannot connect to http://vllm.lab.test/v1/models through the proxy" in said
    assert OF_THE_PROXY not in said


@pytest.mark.usefixtures("proxy")
def test_a_proxy_that_cannot_be_used_is_named_before_anything_is_sent(afcost, monkeypatch):
    afcost("estimate", "e.yaml", "-o", "p.json")
    afcost("approve", "p.json", "--cap", "1", "--yes")
    monkeypatch.setenv("HTTP_PROXY", f"socks5://me:{OF_THE_PROXY}@127.0.0.1:1080")
    _, said = afcost("run", "p.json", ends=3)
    assert "HTTP_PROXY is no proxy that can be used" in said
    assert OF_THE_PROXY not in said
