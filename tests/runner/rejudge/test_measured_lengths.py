"""What other judges will read of stored answers is no shorter than what is visible of them."""

from __future__ import annotations

import pytest

from pricing.money import Money
from runner.ledger import read_ledger
from runner.rejudge.measured_lengths import measure_answers
from tests.runner.recorded_run import MODELS, make_run

TEXT = "This is an answer of quite a few more tokens than its provider says."
HONEST = Money(10 * 400_000 + 5 * 800_000)  # of five tokens, as they are stated


@pytest.mark.parametrize(("billed", "tokens"), [(HONEST, 5), (Money(HONEST.pico * 2), 15)])
def test_an_answer_that_was_booked_as_longer_than_stated_is_counted(tmp_path, billed, tokens):
    recorded = make_run(tmp_path, queries=1)
    with recorded.recording() as ledger:
        ledger.answer(ledger.subjects(MODELS[1], "free/cot")[0], TEXT, billed=billed)
    with read_ledger(recorded.folder.ledger_location) as reader:
        (calls,) = measure_answers(recorded.folder, reader).calls.values()
    assert [call.output for call in calls] == [tokens]
