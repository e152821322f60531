"""Stages: the calls of a program by what they are for.

A label says it where a program gives one. Else those calls are of one stage whose prompts have the
same template, the system's and that of what is asked, and which come first or later in their
conversation. All others are of the stage `call`.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from estimator.recorded.stages.prompt_parts import FixedText, PromptParts
from estimator.recorded.stages.templates import Template, find_templates

UNNAMED_STAGE = "call"  # of the calls of a program that share nothing
OTHER_STAGE = "other"  # of the calls that no planned stage has
_MOST_SYSTEM = 400  # characters of a text of the system that are kept
_MOST_SYSTEMS = 12  # different texts of the system that tell stages apart as they are
_WORD = re.compile(r"[A-Za-z0-9]+")
_WORDS, _CHARACTERS = 5, 36  # of a name
_MORE_CHARACTERS = 18  # that tell stages of the same name apart; labels have 60 at most
_FEW_WORDS = 3  # from which on the beginning of a prompt is enough
_NO_TEMPLATE = Template("", "")


@dataclass(frozen=True, slots=True)
class Stage:
    """The calls of one purpose.

    Attributes:
        name: as a label may be.
        label: of its calls; empty where they have none, and then the others count.
        is_later: the model has answered before in their conversations.
        system: the template of the system's text; empty for any.
        last: of what is asked; empty for any.
    """

    name: str
    label: str = ""
    is_later: bool = False
    system: Template = _NO_TEMPLATE
    last: Template = _NO_TEMPLATE

    def find_likeness(self, label: str, parts: PromptParts) -> int | None:
        """Return how much a call is like those of this stage; None where it is none of them."""
        if self.label or label:
            return 0 if self.label == label else None
        if self.is_later is not parts.is_later:
            return None
        found = 0
        for template, text in ((self.system, parts.system), (self.last, parts.last)):
            alike = template.find_likeness(text)
            if template.size and not alike:
                return None
            found += alike
        return found

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Stage:
        """Read what `to_json` returned."""
        templates = {name: Template(**data[name]) for name in ("system", "last")}
        return cls(**data | templates)


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


def find_stage(stages: Iterable[Stage], label: str, parts: PromptParts) -> Stage | None:
    """Return the stage that a call is most like; None where it is like none."""
    best: tuple[int, Stage] | None = None
    for stage in stages:
        likeness = stage.find_likeness(label, parts)
        if likeness is not None and (best is None or likeness > best[0]):
            best = likeness, stage
    return best[1] if best else None


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
    names = _name_all(dict.fromkeys(unnamed))
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
        system=systems.get(prompt.system.text, _NO_TEMPLATE),
        last=asked.get(prompt.last.text, _NO_TEMPLATE),
    )


def _name_all(stages: Iterable[Stage]) -> dict[Stage, Stage]:
    """Return each stage with a name of its own, by what it is and not by when it came."""
    alike: defaultdict[str, list[Stage]] = defaultdict(list)
    for stage in stages:
        alike[stage.label or _name(stage)].append(stage)
    named, used = dict[Stage, Stage](), set(alike)
    for name, group in sorted(alike.items()):
        for stage in sorted(group, key=repr):
            own = name if len(group) == 1 or stage.label else f"{name}{_tell_apart(stage, group)}"
            unique = own
            if len(group) > 1 and not stage.label:
                unique = next(each for each in _list_names(own) if each not in used)
            used.add(unique)
            named[stage] = Stage(unique, stage.label, stage.is_later, stage.system, stage.last)
    return named


def _tell_apart(stage: Stage, group: Sequence[Stage]) -> str:
    """Return the first word that some stages of the same name have not, of each template."""
    found = ""
    for part in ("last", "system"):
        words = [_list_words(getattr(each, part)) for each in group]
        common = set.intersection(*map(set, words))
        own = next((w for w in words[group.index(stage)] if w not in common), "")
        found += f"-{own}" if own else ""
    return found[:_MORE_CHARACTERS]


def _list_words(template: Template) -> list[str]:
    """Return the words of a template that may be part of a name."""
    return [each.lower() for each in _WORD.findall(f"{template.begin} {template.end}")]


def _list_names(name: str) -> Iterable[str]:
    yield name
    yield from (f"{name}-{number}" for number in range(2, 10**6))


def _name(stage: Stage) -> str:
    """Return the first words of what a stage's prompts share, as a label may be."""
    words = _list_whole_words(stage.last.begin)
    if len(words) < _FEW_WORDS:
        words += _WORD.findall(stage.last.end)
    words = words or _list_whole_words(stage.system.begin) or _WORD.findall(stage.system.end)
    words = words or [UNNAMED_STAGE]
    name = ""
    for word in (each.lower() for each in words[:_WORDS]):
        longer = f"{name}-{word}" if name else word[:_CHARACTERS]
        if len(longer) > _CHARACTERS:
            break
        name = longer
    return f"{name}-later" if stage.is_later else name


def _list_whole_words(text: str) -> list[str]:
    """Return the words of a beginning; the last may be cut short, and is left out then."""
    words = _WORD.findall(text)
    return words[:-1] if len(words) > 1 and text[-1:].isalnum() else words
