"""LiteLLM's BudgetManager, used as its documentation says: ask, call, book.

    python litellm_budget.py URL SETTING

It asks `projected_cost`, which adds the next prompt to what was booked; the documentation's own
example asks only for what was booked. Retries are the client's. What was booked is kept by
BudgetManager in `user_cost.json` of the working folder.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # else it fetches prices when imported

import litellm
from work import ask_all

USER = "experiment"


def main(url: str, setting: dict[str, Any]) -> None:
    model = f"openai/{setting['model']}"
    if setting["priced"]:
        litellm.register_model({model: _price(setting)})
    budget = litellm.BudgetManager(project_name="caps")
    if not budget.is_valid_user(USER):
        budget.create_budget(total_budget=float(setting["cap"]), user=USER)

    def ask(prompt: str) -> str | None:
        messages = [{"role": "user", "content": prompt}]
        if budget.projected_cost(model, messages, USER) > budget.get_total_budget(USER):
            return None
        answer = litellm.completion(
            model=model,
            messages=messages,
            api_base=f"{url}/v1",
            api_key="none",
            max_tokens=setting["max_tokens"],
        )
        budget.update_cost(completion_obj=answer, user=USER)
        return answer.choices[0].message.content

    ask_all(ask, setting)


def _price(setting: dict[str, Any]) -> dict[str, Any]:
    return {
        "input_cost_per_token": setting["input_price"] / 1_000_000,
        "output_cost_per_token": setting["output_price"] / 1_000_000,
        "litellm_provider": "openai",
        "mode": "chat",
    }


if __name__ == "__main__":
    main(sys.argv[1], json.loads(sys.argv[2]))
