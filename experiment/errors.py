"""Errors in an experiment's definition.

ExperimentError
├── BadExperiment     the experiment file, at a line and a field
├── BadQueries        the file of queries
├── BadTemplate       a message, or a file that it inserts
├── RefusedFile       a file that the experiment may not read
└── BadLabels         labels of answers: the file, or what they say
"""


class ExperimentError(Exception):
    """Base of this room's errors; the text names the value, the place and the next step."""


class BadExperiment(ExperimentError):
    """The experiment file is invalid."""


class BadQueries(ExperimentError):
    """The queries cannot be read."""


class BadTemplate(ExperimentError):
    """A template cannot be rendered."""


class RefusedFile(ExperimentError):
    """An experiment may not read a file: where it is, what it is, or how large it is."""


class BadLabels(ExperimentError):
    """Labels cannot be read, are of other answers, or contradict each other."""
