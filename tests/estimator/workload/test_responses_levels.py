"""A level that only the Responses API has is asked for there, and nothing else is."""

from datetime import date

import pytest
import yaml

from estimator.plan.planner import estimate_experiment
from providers.apis import find_api
from providers.errors import NotTaken
from providers.registry import builtin_providers

DAY = date(2026, 11, 26)


def plan(folder, model, providers=None, **sampling):
    fields = {
        "name": "t",
        "models": [model],
        "queries": {"file": "q.txt"},
        "messages": [{"role": "user", "content": "{{ query }}"}],
        "sampling": {"max_tokens": 20_000} | sampling,
        "providers": providers or {},
    }
    (folder / "q.txt").write_text("One?\n")
    (folder / "e.yaml").write_text(yaml.safe_dump(fields))
    return estimate_experiment(str(folder / "e.yaml"), DAY).plan


@pytest.mark.parametrize(
    ("level", "path"), [("max", "/responses"), ("high", "/chat/completions"), (None, "/chat/comp")]
)
def test_the_level_decides_which_api_a_model_is_asked_by(level, path, tmp_path):
    planned = plan(tmp_path, "openai/gpt-6-sol", **({"reasoning": level} if level else {}))
    openai, takes = builtin_providers()["openai"], planned.models["openai/gpt-6-sol"].takes
    assert path in find_api(openai, takes).completion_url(openai, "gpt-6-sol")
    assert "the experiment file" not in takes.sources
    said = "openai/gpt-6-sol: asked over the Responses API" in planned.assumptions
    assert said == (level == "max")


def test_an_endpoint_that_the_user_names_stays(tmp_path):
    chosen = {"openai": {"capabilities": {"endpoint": "chat"}}}
    with pytest.raises(NotTaken, match="max is not one of its levels"):
        plan(tmp_path, "openai/gpt-6-sol", chosen, reasoning="max")
