"""Judging stored answers again: other judges for a run, and what asking them costs."""

from runner.rejudge.judge_file import JudgeFile, read_judge_file
from runner.rejudge.judged_experiment import write_judged_experiment
from runner.rejudge.open_verdicts import OpenVerdicts, StoredAnswers, count_open_verdicts
from runner.rejudge.proposal import Proposal, propose_judges

__all__ = [
    "JudgeFile",
    "OpenVerdicts",
    "Proposal",
    "StoredAnswers",
    "count_open_verdicts",
    "propose_judges",
    "read_judge_file",
    "write_judged_experiment",
]
