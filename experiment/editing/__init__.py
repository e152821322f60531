"""Change an experiment file's text: a few values, and nothing else of it."""

from experiment.editing.experiment_text import Changes, change_text
from experiment.editing.ways_text import Asked, AskedChanges, ask_in_text

__all__ = ["Asked", "AskedChanges", "Changes", "ask_in_text", "change_text"]
