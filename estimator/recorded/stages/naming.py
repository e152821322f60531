"""Names of stages: as labels may be, by the words of what their prompts share."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace

from estimator.recorded.stages.stage import UNNAMED_STAGE, Stage
from estimator.recorded.stages.templates import Template

_WORD = re.compile(r"[A-Za-z0-9]+")
_WORDS, _CHARACTERS = 5, 36  # of a name
_MORE_CHARACTERS = 18  # that tell stages of the same name apart; labels have 60 at most
_FEW_WORDS = 3  # from which on the beginning of a prompt is enough


def name_stages(stages: Iterable[Stage]) -> dict[Stage, Stage]:
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
            named[stage] = replace(stage, name=unique)
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
