"""Measured lengths: how long the stored answers are, so that what judges read is not guessed."""

from __future__ import annotations

from collections import defaultdict

from estimator.forecast import History
from experiment.definition import SUBJECT
from runner.ledger import LedgerReader
from runner.run_folder import RunFolder


def measure_answers(run: RunFolder, reader: LedgerReader) -> History:
    """Return the output tokens of a run's subjects, as billed, or counted where none are known."""
    lengths: dict[tuple[str, str, str, str], dict[int, list[int]]] = defaultdict(dict)
    models = run.all_models()
    for call in reader.answered_calls():
        attempt, answer = call.attempt, call.answer
        if attempt.stage != SUBJECT or attempt.model not in models:
            continue
        model = models[attempt.model]
        tokens = answer.output or model.tokenizer.count_text(answer.reasoning + answer.text)
        key = (SUBJECT, model.name.provider, model.name.short_name, attempt.condition)
        if tokens:
            lengths[key].setdefault(attempt.query, []).append(tokens)
    means = {
        key: [sum(each) / len(each) for each in by_query.values()]
        for key, by_query in lengths.items()
    }
    return History(means, "the stored answers")
