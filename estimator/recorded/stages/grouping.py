"""Grouping: the stages of calls, found by what their prompts share."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from estimator.recorded.stages.naming import name_stages
from estimator.recorded.stages.prompt_parts import FixedText, PromptParts
from estimator.recorded.stages.stage import NO_TEMPLATE, Stage
from estimator.recorded.stages.templates import Template, find_templates

_MOST_SYSTEM = 400  # characters of a text of the system that are kept
_MOST_SYSTEMS = 12  # different texts of the system that tell stages apart as they are


@dataclass(frozen=True, slots=True)
class StagedPrompt:
    """A call's prompt, as far as its stage depends on it.

    Attributes:
        label: of the call, or empty.
        parts: of its prompt.
        system, last: the same texts, with what of them is fixed.
    """

    label: str
    parts: PromptParts
    system: FixedText
    last: FixedText


def find_stages(prompts: Sequence[StagedPrompt]) -> tuple[list[Stage], list[Stage]]:
    """Group prompts into stages.

    Returns:
        all stages, in the order in which their first calls came; and that of each prompt.
    """
    kinds: defaultdict[tuple[bool, bool], list[StagedPrompt]] = defaultdict(list)
    for each in prompts:
        if not each.label:
            kinds[each.parts.is_later, each.last.reads].append(each)
    templates = {
        kind: _find_kind_templates(group, is_later=kind[0]) for kind, group in kinds.items()
    }
    unnamed = [_describe(each, templates) for each in prompts]
    names = name_stages(dict.fromkeys(unnamed))
    of_each = [names[each] for each in unnamed]
    return list(dict.fromkeys(of_each)), of_each


_KindTemplates = tuple[dict[str, Template], dict[str, Template]]


def _find_kind_templates(group: Sequence[StagedPrompt], *, is_later: bool) -> _KindTemplates:
    """Return the templates of the system's texts, and of what is asked."""
    systems = {each.system.text: each.system for each in group}
    of_system = (
        {text: Template(text[:_MOST_SYSTEM], "") for text in systems}
        if len(systems) <= _MOST_SYSTEMS
        else find_templates(list(systems.values()))
    )
    return of_system, find_templates([each.last for each in group], is_later=is_later)


def _describe(prompt: StagedPrompt, templates: dict[tuple[bool, bool], _KindTemplates]) -> Stage:
    """Return a prompt's stage without its name."""
    if prompt.label:
        return Stage("", prompt.label)
    systems, asked = templates[prompt.parts.is_later, prompt.last.reads]
    return Stage(
        "",
        is_later=prompt.parts.is_later,
        system=systems.get(prompt.system.text, NO_TEMPLATE),
        last=asked.get(prompt.last.text, NO_TEMPLATE),
    )
