"""Current verdicts: those of today's judges, in a ledger that has had others.

A plan with other judges takes over the answers of the subjects. What its judges were not asked
stays in the ledger, where it is billed, and has no part in the result.
"""

from __future__ import annotations

from experiment.definition import SUBJECT
from experiment.prompts import RequestBuilder
from experiment.scoring import read_answer
from runner.errors import BadRun
from runner.ledger import Attempt, LedgerReader, StoredAnswer
from runner.run_folder import RunFolder


def list_earlier_verdicts(run_folder: RunFolder, reader: LedgerReader) -> frozenset[str]:
    """Return the ids of all attempts at verdicts of judges that the run's plan does not have.

    Verdicts about an answer that was asked for again count as such.

    Args:
        run_folder: of the run.
        reader: of its ledger.

    Returns:
        none where the ledger was for one plan alone, or where the folder keeps no files.
    """
    if len(reader.works()) < 2:  # noqa: PLR2004 - the first, and one with other judges
        return frozenset()
    try:
        requests = run_folder.request_builder()
    except BadRun:  # an earlier version made it
        return frozenset()
    judges = {judge.name for judge in run_folder.spec.judges}
    answers: dict[str, StoredAnswer] = {}
    verdicts = []
    for record in reader.attempts():
        attempt, answer = record.attempt, record.answer
        if attempt.stage != SUBJECT:
            verdicts.append(attempt)
        elif answer is not None and not answer.completion.has_failed:
            answers[attempt.request] = answer
    return frozenset(
        each.id
        for each in verdicts
        if each.stage not in judges or each.request != _name_verdict(requests, each, answers)
    )


def _name_verdict(
    requests: RequestBuilder, verdict: Attempt, answers: dict[str, StoredAnswer]
) -> str:
    """Return the id that a verdict of today's judge has; empty where its answer is not there."""
    stored = answers.get(verdict.job)
    if stored is None:
        return ""
    spec = requests.experiment.spec
    answer = read_answer(stored.completion, spec.answer, stored.prefill)
    return requests.verdict_id(verdict.job, verdict.stage, verdict.vote, answer, verdict.query)
