"""Rulebook: the rules of a provider, and those that apply to one of its models.

A file in `rules/` is one provider. `apis` says which APIs it has, and which fields each knows, with
their types; `models` says what else holds for the models that match. All rules that match apply to
a request; of `reasons`, `levels` and `prefill`, the first that says it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from pricing.data_files import read_data_file

RULES = Path(__file__).with_name("rules")


@dataclass(frozen=True)
class ApiRules:
    """What an API of a provider knows.

    Attributes:
        path: where requests are posted, after the provider's base URL; {model} is the model's id.
        errors: the form of its error bodies.
        status: of an error about a field.
        unknown: whether an unknown field is `refused` or `ignored`, and `by` which source.
        required: fields without which it refuses.
        fields: dotted path -> field type.
        message: fields of a message; roles: that a message may have.
        source: of all of it.
    """

    path: str
    errors: str
    unknown: str
    unknown_source: str
    source: str
    status: int = 400
    required: tuple[str, ...] = ("model", "messages")
    fields: Mapping[str, str] = field(default_factory=dict)
    message: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ModelRule:
    """What holds for the models that match.

    Attributes:
        match: a pattern of whole model ids as they are sent, in small letters.
        source: where it is from.
        api: of which APIs it speaks; empty for all.
        header: a header and its value that a request must have for the rule to apply.
        fields: dotted path -> field type, which holds besides the API's own.
        while_reasoning: the same, for a request that reasons.
        while_off: the same, for a request that turns reasoning off.
        exclusive: sets of fields of which only one may be sent.
        below: pairs of fields of which the first must be less than the second.
        served_by: the only APIs that serve it; empty for all.
        prefill: what a final assistant message does: `continues`, also `with prefix` (a flag on the
            message) or `with flags` (two in the body); `refused`; or `new turn`, which is answered
            but not continued.
        prefill_while_reasoning: the same, for a request that reasons.
        prefill_space: `refused` where it may not end with white space.
        reasons: never, on_request, default or always.
        levels: portable levels that exist for it: off, minimal, …, max, budget.
        max_output: the most output tokens.
    """

    match: re.Pattern[str]
    source: str
    api: tuple[str, ...] = ()
    header: tuple[str, str] | None = None
    fields: Mapping[str, str] = field(default_factory=dict)
    while_reasoning: Mapping[str, str] = field(default_factory=dict)
    while_off: Mapping[str, str] = field(default_factory=dict)
    exclusive: tuple[tuple[str, ...], ...] = ()
    below: tuple[tuple[str, str], ...] = ()
    served_by: tuple[str, ...] = ()
    prefill: str = ""
    prefill_while_reasoning: str = ""
    prefill_space: str = ""
    reasons: str = ""
    levels: tuple[str, ...] | None = None
    max_output: int | None = None


@dataclass(frozen=True)
class Rulebook:
    """The rules of one provider."""

    provider: str
    apis: Mapping[str, ApiRules]
    models: tuple[ModelRule, ...]

    def rules_for(
        self, model: str, api: str = "", headers: Mapping[str, str] | None = None
    ) -> list[ModelRule]:
        """Return the rules that apply to a model, in the order of the file."""
        return [rule for rule in self.models if _applies(rule, model.lower(), api, headers or {})]

    def first(self, model: str, attribute: str) -> Any:
        """Return an attribute by the first of a model's rules that states it; None without one."""
        said = (getattr(rule, attribute) for rule in self.rules_for(model))
        return next((each for each in said if each not in ("", None)), None)


def _applies(rule: ModelRule, model: str, api: str, headers: Mapping[str, str]) -> bool:
    if not rule.match.fullmatch(model) or (api and rule.api and api not in rule.api):
        return False
    return rule.header is None or headers.get(rule.header[0], "") == rule.header[1]


@cache
def load_rulebooks() -> Mapping[str, Rulebook]:
    """Return every provider's rules by its name."""
    return {path.stem: _load_rulebook(path) for path in sorted(RULES.glob("*.yaml"))}


def _load_rulebook(path: Path) -> Rulebook:
    data = read_data_file(path)
    apis = {name: _parse_api(given) for name, given in data["apis"].items()}
    return Rulebook(path.stem, apis, tuple(_parse_rule(given) for given in data["models"]))


def _parse_api(given: dict[str, Any]) -> ApiRules:
    return ApiRules(**{**given, "required": tuple(given.get("required", ("model", "messages")))})


def _parse_rule(given: dict[str, Any]) -> ModelRule:
    values = dict(given)
    values["match"] = re.compile(values["match"])
    for name in ("exclusive", "below"):
        values[name] = tuple(map(tuple, values.get(name, ())))
    for name in ("api", "served_by"):
        values[name] = tuple(values.get(name, ()))
    if "header" in values:
        values["header"] = tuple(values["header"])
    if "levels" in values:
        values["levels"] = tuple(values["levels"])
    return ModelRule(**values)
