"""Runs that are to be done by a time: what is asked in batches, and when it begins."""

from runner.deadline.run_by import RunBy, choose_run_by
from runner.deadline.wait import wait_until

__all__ = ["RunBy", "choose_run_by", "wait_until"]
