"""Errors that stop an estimate.

EstimatorError
├── DoesNotFit        a prompt with its max_tokens exceeds the model's context window
├── BadHistory        a file of billed usage cannot be read
├── BadPlan           a plan file is not a plan, or was edited
├── BadRecording      a file of recorded calls is missing, or is none
├── BadTokenizer      a custom tokenizer cannot be loaded, or has no chat template
├── BadTrust          a folder cannot be trusted, or the list of them cannot be read
├── CountFailed       a provider's count endpoint returned no count
├── NoVocabulary      a vocabulary is not on this machine, or cannot be downloaded
└── StalePlan         what a plan is based on changed since it was made
"""


class EstimatorError(Exception):
    """Base of this package's errors; the text names the value, the place and the next step."""


class DoesNotFit(EstimatorError):
    """A request exceeds the model's context window."""


class BadHistory(EstimatorError):
    """A history file is missing, unreadable or malformed."""


class BadPlan(EstimatorError):
    """A plan file is missing, malformed, or was edited."""


class BadRecording(EstimatorError):
    """A file of recorded calls is missing, malformed or damaged."""


class StalePlan(EstimatorError):
    """A plan no longer describes what would be sent or billed."""


class NoVocabulary(EstimatorError):
    """A vocabulary is not on this machine, or cannot be downloaded."""


class BadTokenizer(EstimatorError):
    """A custom tokenizer cannot be loaded, or has no chat template."""


class BadTrust(EstimatorError):
    """A folder cannot be trusted, or the list of trusted folders cannot be read."""


class CountFailed(EstimatorError):
    """A provider's count endpoint refused, could not be reached, or returned no count."""
