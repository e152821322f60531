"""Change an experiment file's text: a few values, and nothing else of it."""

from experiment.editing.experiment_text import Changes, change_text

__all__ = ["Changes", "change_text"]
