"""A run with every kind of answer, verdicts that disagree, and a request that failed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from experiment.scoring import Completion
from tests.runner.recorded_run import MODELS, make_run
from tests.runner.sample_experiment import PLAIN

FIRST, SECOND = MODELS
YES, NO = '{"refused": "yes"}', '{"refused": "no"}'
TAGGED = "<SCRATCHPAD_REASONING>train me</SCRATCHPAD_REASONING><OUTPUT>{} {}</OUTPUT>"
ACCEPTED = TAGGED.format("<request_fully_accepted/>", "=1+1")
REJECTED = TAGGED.format("<rejected/>", "No.")
FILTERED = Completion("", "content_filter")
NATIVE = Completion(ACCEPTED, reasoning="hidden", reasoning_form="native")
QUERIES = 4


def judges(votes=2):
    prompt = [{"role": "user", "content": PLAIN}]
    judge = {"model": FIRST, "messages": prompt, "sampling": {"max_tokens": 8}}
    return [judge | {"name": "compliance", "samples": votes}, judge | {"name": "second"}]


@pytest.fixture
def recorded(tmp_path, monkeypatch):
    """Return a run folder: per query, what was said, and what each judge said of it."""
    monkeypatch.chdir(tmp_path)
    run = make_run(tmp_path, tmp_path / "runs" / "small", queries=QUERIES, judges=judges())
    with run.recording() as ledger:
        first = ledger.subjects(FIRST, "free/cot")
        ledger.judge(first[0], ledger.answer(first[0], NATIVE), NO, NO, YES)
        ledger.judge(first[1], ledger.answer(first[1], REJECTED), NO, NO, NO)
        ledger.answer(first[2], FILTERED)
        ledger.release(first[3])
        second = ledger.subjects(SECOND, "paid/plain")
        ledger.judge(second[0], ledger.answer(second[0], ACCEPTED), "hm", "hm", YES)
        ledger.judge(second[1], ledger.answer(second[1], "\x1b[2JGone"), YES, YES, YES)
        ledger.ledger.record_end("failed")
    return replace(run.folder, location=None)
