"""Placeholders: answers that no model wrote, of the length and in the form that a call asks for.

Reading order: `asked` (the form that a call demands), `endings` and `shown_json` (the form that its
prompt describes), `wording` (words, so many tokens of them), `placeholder` (all of it).
"""

from runner.rehearsal.placeholders.asked import find_asked
from runner.rehearsal.placeholders.placeholder import Placeholder, ToolUse, make_placeholder

__all__ = ["Placeholder", "ToolUse", "find_asked", "make_placeholder"]
