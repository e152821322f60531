"""Logs of Inspect as recorded calls: what a finished evaluation asked its models, and was billed.

Reading order: `model_name` (a model as Inspect writes it), `log_file` (reading a log),
`model_calls` (the calls of a sample), `chat_body` (a call's messages as a body), `logged_calls`.
"""

from runner.inspect_logs.log_file import read_inspect_log
from runner.inspect_logs.logged_calls import record_logged_calls
from runner.inspect_logs.model_name import InspectModel, read_model_name

__all__ = [
    "InspectModel",
    "read_inspect_log",
    "read_model_name",
    "record_logged_calls",
]
