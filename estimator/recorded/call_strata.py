"""The stratum of each call: its stage and model and, where these differ, what calls ask for.

A limit, a level of reasoning or several answers at once make other forecasts, so they make other
strata.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from estimator.recorded.read_calls import ReadCall
from estimator.workload import PlannedModel, StratumKey
from providers.capabilities import find_reasoning
from providers.clients import ClientApi, ClientCall

_MOST_VARIANTS = 8  # of a stage and a model; beyond, all have the largest limit
_REASONING = (
    *("reasoning", "reasoning_effort", "thinking", "enable_thinking", "thinking_budget"),
    *("output_config", "thinkingConfig", "chat_template_kwargs", "disable_reasoning"),
)


class Asked(NamedTuple):
    """What a call asks for, on which the forecast of its output depends.

    Attributes:
        limit: output tokens of all of its answers together.
        choices: how many answers.
        level: of reasoning, as the model's record understands it; empty for its own.
    """

    limit: int
    choices: int
    level: str

    def describe(self) -> str:
        """Say it in a few words."""
        answers = f", {self.choices} answers" if self.choices > 1 else ""
        level = f", reasoning {self.level}" if self.level else ""
        return f"up to {self.limit:,} tokens{answers}{level}"


@dataclass(frozen=True, slots=True)
class StratifiedCall:
    """A call with its stratum.

    Attributes:
        read: the call.
        key: of its stratum.
        asked: what it asks for.
    """

    read: ReadCall
    key: StratumKey
    asked: Asked


def stratify_calls(
    calls: Sequence[ReadCall], models: Mapping[str, PlannedModel], default_limit: int | None
) -> tuple[list[StratifiedCall], list[str]]:
    """Return the calls with their strata; those without a limit that is known are left out.

    Args:
        calls: as they were read.
        models: the model of a call, as the program writes it -> the one that it is planned for.
        default_limit: output tokens of a call that says no limit; None for the model's largest.

    Returns:
        the calls, and what is wrong with those that are left out.
    """
    found, unlimited = list[tuple[ReadCall, Asked]](), dict[str, None]()
    for each in calls:
        model = models[each.model]
        asked = _find_asked(each.call, model, default_limit)
        if asked is None:
            unlimited[
                f"a call says no limit, and the largest answer of {model.name} is not known: such "
                "calls are not counted; let the program say max_tokens, or give "
                "--default-max-tokens N"
            ] = None
        else:
            found.append((each, asked))
    variants: defaultdict[tuple[str, str], dict[Asked, None]] = defaultdict(dict)
    for each, asked in found:
        variants[each.stage.name, models[each.model].name.written][asked] = None
    return [_stratify(*each, models, variants) for each in found], list(unlimited)


def _stratify(
    read: ReadCall,
    asked: Asked,
    models: Mapping[str, PlannedModel],
    variants: Mapping[tuple[str, str], Mapping[Asked, None]],
) -> StratifiedCall:
    pair = read.stage.name, models[read.model].name.written
    known = variants[pair]
    if len(known) > _MOST_VARIANTS:
        asked = max(known)
    condition = asked.describe() if 1 < len(known) <= _MOST_VARIANTS else ""
    return StratifiedCall(read, StratumKey(*pair, condition), asked)


def _find_asked(call: ClientCall, model: PlannedModel, default_limit: int | None) -> Asked | None:
    most = model.capability.max_output
    limit = call.limit or default_limit or most
    if limit is None:
        return None
    state = find_reasoning(model.capability, pick_reasoning(call))
    level = (state.level or ("on" if state.on else "off")) if state.asked else ""
    return Asked(min(limit, most or limit) * call.choices, call.choices, level)


def pick_reasoning(call: ClientCall) -> dict[str, Any]:
    """Return the fields of a call that are about reasoning, as experiments write them."""
    fields = dict(call.body)
    if call.api is ClientApi.GENERATE:
        config = fields.get("generationConfig") or fields.get("generation_config")
        fields |= config if isinstance(config, dict) else {}
    return {name: fields[name] for name in _REASONING if fields.get(name) is not None}
