"""inferrail's gateway inside this process, used as its README says: a ceiling in the headers.

    python inferrail_gateway.py URL SETTING

Budgets and receipts are SQLite files of the working folder. The client is OpenAI's, with its own
retries.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

import inferrail
from inferrail.config.models import InferrailConfig
from openai import OpenAI
from work import ask_all


def main(url: str, setting: dict[str, Any]) -> None:
    os.environ["LAB_KEY"] = "none"
    gateway = inferrail.start(InferrailConfig.model_validate(_config(url, setting)))
    client = OpenAI(base_url=gateway, api_key="unused")
    headers = {
        "X-Inferrail-Attribute-Work-Id": "experiment",
        "X-Inferrail-Budget-Usd": setting["cap"],
    }

    def ask(prompt: str) -> str | None:
        answer = client.chat.completions.create(
            model=setting["model"],
            max_tokens=setting["max_tokens"],
            messages=[{"role": "user", "content": prompt}],
            extra_headers=headers,
        )
        return answer.choices[0].message.content

    ask_all(ask, setting)


def _config(url: str, setting: dict[str, Any]) -> dict[str, Any]:
    price = {
        "input_usd_per_million": setting["input_price"],
        "output_usd_per_million": setting["output_price"],
        "source": "the provider",
        "verified_date": "2026-11-20",
    }
    lab = {"type": "openai_compatible", "api_key_env": "LAB_KEY", "base_url": f"{url}/v1"}
    return {
        "providers": {"lab": lab},
        "default_provider": "lab",
        "telemetry": {"sink": "none"},
        "receipts": {"sink": "sqlite", "path": "receipts.db"},
        "budgets": {"enabled": True, "path": "budgets.db"},
        "pricing": {"lab": {setting["model"]: price}} if setting["priced"] else {},
    }


if __name__ == "__main__":
    main(sys.argv[1], json.loads(sys.argv[2]))
