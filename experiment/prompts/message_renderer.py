"""The message renderer: makes the messages of a stage in a cell from its templates.

Messages that are made of texts and plain variables alone are cut once and then filled in; all
others are rendered each time.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from experiment.definition import SUBJECT, Experiment, MessageTemplate
from experiment.errors import BadTemplate
from experiment.prompts.cut_messages import CutMessages
from experiment.prompts.request import Message
from experiment.prompts.request_kind import KindKey, RequestKind

if TYPE_CHECKING:  # it imports jinja2
    from experiment.prompts.rendering import Templates

_MAX_CUT_CHARACTERS = 64 << 20  # that are kept of all cells


class MessageRenderer:
    """Makes messages from the templates of an experiment.

    Args:
        experiment: that has the templates.
        templates: render them.
        kinds: (stage, model, condition) -> what its requests have in common.
    """

    def __init__(
        self, experiment: Experiment, templates: Templates, kinds: Mapping[KindKey, RequestKind]
    ) -> None:
        self._templates, self._kinds = templates, kinds
        spec = experiment.spec
        self._written = {SUBJECT: spec.messages} | {
            each.name: each.messages for each in spec.judges
        }
        self._cut: dict[KindKey, CutMessages | None] = {}
        self._characters = 0

    def find_cut(self, stage: str, model: str, condition: str) -> CutMessages | None:
        """Return the messages of a cell as texts and cuts; None where these are not known."""
        return self._cut.get((stage, model, condition))

    def render(
        self, stage: str, model: str, condition: str, variables: dict[str, Any]
    ) -> tuple[Message, ...]:
        """Return the messages of a stage with these variables.

        Raises:
            BadTemplate: one of them cannot be rendered, or none says anything.
        """
        key = (stage, model, condition)
        cut = self._cut.get(key)
        if cut is not None and (filled := cut.fill(variables)) is not None:
            self._templates.count_renderings(len(filled))
            return filled
        where = "messages" if stage == SUBJECT else f"judges.{stage}.messages"
        templates = self._kinds[key].sent_templates(self._written[stage])
        messages = tuple(
            Message(
                each.role,
                self._templates.render(each.content, variables, f"{where}[{number}]", condition),
            )
            for number, each in enumerate(templates)
        )
        if not messages or not any(message.content for message in messages):
            raise BadTemplate(f"{where}: no message is left to send to {model}")
        if key not in self._cut:
            self._keep_cut(key, templates, messages, variables)
        return messages

    def _keep_cut(
        self,
        key: KindKey,
        templates: tuple[MessageTemplate, ...],
        messages: tuple[Message, ...],
        variables: dict[str, Any],
    ) -> None:
        """Keep the messages of a cell as texts and cuts, where all of them are."""
        texts = [
            self._templates.cut(each.content, variables, key[2], message.content)
            for each, message in zip(templates, messages, strict=True)
        ]
        found = [each for each in texts if each is not None]
        cut = None
        if len(found) == len(texts):
            cut = CutMessages([each.role for each in templates], found)
            self._characters += cut.characters
            if self._characters > _MAX_CUT_CHARACTERS:
                self._cut.clear()
                self._characters = cut.characters
        self._cut[key] = cut
