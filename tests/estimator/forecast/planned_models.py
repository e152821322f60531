"""Planned models of which only what the forecast asks for is known: a record, and a tokenizer."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from experiment.definition import ExperimentSpec
from pricing.catalog import ModelName
from providers.capabilities import Capability

_NAME = ModelName("m", "lab", "m", "m")


@dataclass
class Planned:
    """A model with a record."""

    capability: Capability
    continues: bool = False
    scale: float = 1.0
    window: int | None = None
    name: ModelName = _NAME
    tokenizer: Any = field(init=False)

    def __post_init__(self) -> None:
        self.tokenizer = SimpleNamespace(scale=self.scale)

    def takes_prefill(self, _sampling: object) -> bool:
        """Return whether it continues from a prefill."""
        return self.continues


def spec_of(expect: dict[str, Any] | None = None, **fields: Any) -> ExperimentSpec:
    """Return an experiment of one model `m` with these fields; `expect` is not validated."""
    given = {
        "name": "made",
        "models": ["m"],
        "queries": {"file": "queries.txt"},
        "messages": [{"role": "user", "content": "{{ query }}"}],
        "sampling": {"max_tokens": 8000},
    }
    spec = ExperimentSpec.model_validate(given | fields)
    return spec.model_copy(update={"expect": expect or {}})


JUDGE = {
    "name": "strict",
    "model": "j",
    "messages": [{"role": "user", "content": "{{ output }}"}],
    "sampling": {"max_tokens": 500},
}
