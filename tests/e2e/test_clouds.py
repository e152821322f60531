"""Clouds that this version does not send to: named, priced, estimated, and never run silently."""

import pytest
import yaml

from tests.support.provider.behaviour import Behaviour

EXPERIMENT = {
    "name": "clouds",
    "queries": {"file": "queries.txt"},
    "messages": [{"role": "user", "content": "{{ query }}"}],
    "sampling": {"max_tokens": 32},
}
CLOUDS = {
    "azure/gpt-4o-mini": "openai/gpt-4o-mini",
    "vertex/gemini-2.5-pro": "google/gemini-2.5-pro",
    "aws/claude-opus-4.8": "anthropic/claude-opus-4.8",
}


def write_experiment(folder, **fields):
    (folder / "queries.txt").write_text("one\ntwo\n", encoding="utf-8")
    path = folder / "experiment.yaml"
    path.write_text(yaml.safe_dump(EXPERIMENT | fields), encoding="utf-8")
    return str(path)


@pytest.mark.parametrize(("model", "elsewhere"), CLOUDS.items())
def test_a_cloud_is_estimated_and_said_not_to_be_run(afcost, tmp_path, model, elsewhere):
    cloud = model.partition("/")[0]
    source = write_experiment(tmp_path, models=[model])
    estimated, warned = afcost("estimate", source, "-o", "p.json")
    assert f"price: {model} $" in estimated
    approved, _ = afcost("approve", "p.json", "--cap", "5", "--yes")
    _, refused = afcost("run", "p.json", ends=3)
    for said in (warned, approved, refused):
        assert f"{cloud}: this version prices requests to it and sends none" in said
        assert elsewhere in said
        assert f"providers: {{{cloud}: {{kind: openai, base_url: " in said


def test_a_cloud_that_takes_openais_form_is_run_as_the_refusal_says(
    afcost, tmp_path, server, monkeypatch
):
    monkeypatch.setenv("AZURE_OPENAI_API_KEY", "sk-of-azure-0123456789")
    server.reset(Behaviour(wordy=True, output_tokens=8, api_key="sk-of-azure-0123456789"))
    own = {"kind": "openai", "base_url": f"{server.url}/v1"}
    source = write_experiment(tmp_path, models=["azure/gpt-4o-mini"], providers={"azure": own})
    afcost("estimate", source, "-o", "p.json")
    afcost("approve", "p.json", "--cap", "1", "--yes")
    afcost("run", "p.json")
    bill = server.bill()
    assert [call.path for call in bill.calls] == ["/v1/chat/completions"] * 2
    assert bill.output_tokens == 16
