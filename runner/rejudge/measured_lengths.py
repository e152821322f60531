"""Measured lengths: how long the stored answers are, so that what judges read is not guessed."""

from __future__ import annotations

from collections import defaultdict

from estimator.forecast import History, HistoryCall
from experiment.definition import SUBJECT
from runner.billing import BillReader
from runner.ledger import BilledCall, LedgerReader
from runner.run_folder import RunFolder


def measure_answers(run: RunFolder, reader: LedgerReader) -> History:
    """Return the output tokens of a run's subjects, as billed.

    Where none are known, or more were booked than are stated, no fewer than are counted.
    """
    calls: dict[tuple[str, str, str, str], list[HistoryCall]] = defaultdict(list)
    models = run.all_models()
    bills = {name: BillReader(card) for name, card in run.highest_cards().items()}
    for call in reader.answered_calls():
        attempt, answer = call.attempt, call.answer
        if attempt.stage != SUBJECT or attempt.model not in models:
            continue
        model = models[attempt.model]
        tokens = answer.output
        billed = BilledCall.from_answer(attempt, answer, call.settled)
        if not tokens or bills[attempt.model].read(billed).output > tokens:
            counted = model.tokenizer.count_text(answer.reasoning + answer.text)
            tokens = max(tokens, counted)
        key = (SUBJECT, model.name.provider, model.name.short_name, attempt.condition)
        if tokens:
            calls[key].append(HistoryCall(str(attempt.query), tokens))
    return History(dict(calls), "the stored answers", has_numbers=True)
