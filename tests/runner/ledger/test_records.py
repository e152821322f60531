"""Records: what a ledger of an earlier version says is read in today's words."""

from __future__ import annotations

import pytest

from runner.ledger.records import StoredAnswer, read_completion
from tests.runner.sample_experiment import an_answer


@pytest.mark.parametrize(
    ("stored", "read"),
    [
        *((word, word) for word in ("stop", "length", "content_filter", "refusal", "error", "")),
        *(("sensitive", "content_filter"), ("OTHER", "error"), ("model_length", "length")),
        ("something_new", "something_new"),
    ],
)
def test_why_an_answer_of_before_ended_is_read_in_todays_words(stored, read):
    answer = an_answer()._replace(finish=stored)
    assert answer.completion.finish == read
    assert answer.completion == read_completion(("yes", stored, None, "thought", None))


def test_an_answer_of_before_has_no_refusal_and_no_named_reasoning():
    columns = an_answer()[:-2]
    assert StoredAnswer.from_row(columns) == StoredAnswer.from_row([*columns, None, None])
    assert StoredAnswer.from_row(columns) == an_answer()
