"""Stage: the calls of a program that are for one purpose.

A label says it where a program gives one. Else those calls are of one stage whose prompts have the
same template, the system's and that of what is asked, and which come first or later in their
conversation. All others are of the stage `call`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from estimator.recorded.stages.prompt_parts import PromptParts
from estimator.recorded.stages.templates import Template

UNNAMED_STAGE = "call"  # of the calls of a program that share nothing
OTHER_STAGE = "other"  # of the calls that no planned stage has
NO_TEMPLATE = Template("", "")


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
    system: Template = NO_TEMPLATE
    last: Template = NO_TEMPLATE

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


def find_stage(stages: Iterable[Stage], label: str, parts: PromptParts) -> Stage | None:
    """Return the stage that a call is most like; None where it is like none."""
    best: tuple[int, Stage] | None = None
    for stage in stages:
        likeness = stage.find_likeness(label, parts)
        if likeness is not None and (best is None or likeness > best[0]):
            best = likeness, stage
    return best[1] if best else None
