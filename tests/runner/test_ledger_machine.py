"""Whatever is done to a ledger, in whatever order, it says what a few sums would say."""

import contextlib
import tempfile
from collections import defaultdict
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    precondition,
    rule,
)

from pricing.money import Money
from runner.chain import flaw
from runner.errors import LedgerError
from runner.places import read_ledger
from runner.tables import balance
from tests.runner.lab import NOW, STEADY, an_answer, an_attempt, approval, ledger_of

AMOUNTS = st.one_of(st.just(0), st.integers(1, 400), st.integers(1, 10**15))
JOBS = st.sampled_from(["a", "b", "c"])


class LedgerMachine(RuleBasedStateMachine):
    """The ledger beside a model of it: what each job and each open attempt has, and two sums."""

    attempts = Bundle("attempts")

    @initialize(cap=AMOUNTS)
    def open(self, cap):
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "ledger.sqlite"
        self.aside, self.reserved = defaultdict(int), {}
        self.settled = self.held = self.above = self.cap = self.highest = 0
        self.approvals, self.numbers, self.answers = 0, defaultdict(int), {}
        self._reopen()
        self.approve(cap)

    def _reopen(self):
        self.opened = contextlib.ExitStack()
        self.ledger = self.opened.enter_context(ledger_of(self.path))

    def teardown(self):
        if hasattr(self, "folder"):
            self.opened.close()
            self.folder.cleanup()

    @property
    def total(self):
        return sum(self.aside.values()) + sum(self.reserved.values()) + self.settled + self.held

    @rule(cap=AMOUNTS)
    def approve(self, cap):
        self.approvals += 1
        self.ledger.approve(approval(Money(cap), NOW + timedelta(seconds=self.approvals)))
        self.cap, self.highest = cap, max(self.highest, cap)

    @rule(job=JOBS, amount=AMOUNTS)
    def set_aside(self, job, amount):
        fits = self.total + amount <= self.cap
        assert self.ledger.set_aside(job, Money(amount)) == fits
        self.aside[job] += amount if fits else 0

    @rule(job=JOBS)
    def set_aside_all_that_is_free(self, job):
        self.set_aside(job, max(self.cap - self.total, 0))

    @rule(target=attempts, job=JOBS, request=st.sampled_from("xy"), share=st.integers(0, 100))
    def reserve(self, job, request, share):
        amount = self.aside[job] * share // 100
        self.numbers[request] += 1
        attempt = an_attempt(job, request, self.numbers[request])
        self.ledger.reserve(attempt, Money(amount))
        self.aside[job] -= amount
        self.reserved[attempt] = amount
        return attempt

    @rule(job=JOBS, too_much=st.integers(1, 10**15))
    def reserve_more_than_is_set_aside(self, job, too_much):
        attempt = an_attempt(job, "z", 1)
        with pytest.raises(LedgerError):
            self.ledger.reserve(attempt, Money(self.aside[job] + too_much))

    @rule(attempt=consumes(attempts), part=st.integers(0, 250), text=st.text(max_size=5))
    def settle(self, attempt, part, text):
        """Below, at and above the reservation; a free one too may cost something."""
        reserved = self.reserved.pop(attempt, None)
        billed = (reserved or 0) * part // 100 + (part > 200)
        if reserved is None:
            return self._refuses(lambda: self.ledger.settle(attempt, Money(billed), an_answer()))
        self.ledger.settle(attempt, Money(billed), replace(an_answer(), text=text))
        self.settled += billed
        self.above += max(billed - reserved, 0)
        self.answers[attempt.id] = text
        return None

    @rule(attempt=consumes(attempts))
    def release(self, attempt):
        if (reserved := self.reserved.pop(attempt, None)) is None:
            return self._refuses(lambda: self.ledger.release(attempt, "HTTP 429"))
        self.ledger.release(attempt, "HTTP 429")
        self.aside[attempt.job] += reserved
        return None

    @rule(attempt=consumes(attempts))
    def hold(self, attempt):
        if (reserved := self.reserved.pop(attempt, None)) is None:
            return self._refuses(lambda: self.ledger.hold(attempt, "HTTP 500"))
        self.ledger.hold(attempt, "HTTP 500")
        self.held += reserved
        return None

    @rule(part=st.integers(0, 250))
    def resolve_a_hold(self, part):
        """Held money comes back in part, in full, or turns out to be more."""
        for attempt, (_, amount) in list(self.ledger.holds().items())[:1]:
            billed = amount.pico * part // 100
            self.ledger.resolve(attempt, Money(billed), "the provider's invoice")
            self.held -= amount.pico
            self.settled += billed
            self.above += max(billed - amount.pico, 0)
            with pytest.raises(LedgerError, match="nothing is held"):
                self.ledger.resolve(attempt, Money(), "again")

    def _refuses(self, movement):
        """After a restart no attempt is open any more."""
        with pytest.raises(LedgerError, match="is not open"):
            movement()

    @rule(job=JOBS)
    def free(self, job):
        self.ledger.free(job)
        self.aside[job] = 0

    @rule()
    def close_open_and_recover(self):
        self.opened.close()
        self._reopen()
        assert self.ledger.recover() == len(self.reserved)
        self.held += sum(self.reserved.values())
        self.reserved.clear()
        self.aside.clear()

    @invariant()
    @precondition(lambda self: hasattr(self, "folder"))
    def the_balance_is_that_of_the_model(self):
        now = self.ledger.balance
        assert now.cap.pico == self.cap
        assert now.aside.pico == sum(self.aside.values())
        assert now.reserved.pico == sum(self.reserved.values())
        assert (now.settled.pico, now.held.pico) == (self.settled, self.held)
        assert now.free.pico == self.cap - self.total
        assert all(self.ledger.set_aside_for(job).pico == self.aside[job] for job in "abc")

    @invariant()
    @precondition(lambda self: hasattr(self, "folder"))
    def the_sum_exceeds_the_cap_only_by_what_was_billed_above_its_reservation(self):
        now = self.ledger.balance
        spoken_for = now.aside + now.reserved + now.settled + now.held
        assert spoken_for.pico <= self.highest + self.above

    @invariant()
    @precondition(lambda self: hasattr(self, "folder"))
    def no_account_is_below_zero(self):
        now = self.ledger.balance
        assert min(now.aside, now.reserved, now.settled, now.held) >= Money()

    @invariant()
    @precondition(lambda self: hasattr(self, "folder"))
    def the_file_holds_every_answer_and_all_money_but_the_last_promises(self):
        with read_ledger(self.path) as connection:
            written = balance(connection)
            assert replace(written, aside=self.ledger.balance.aside) == self.ledger.balance
            assert written.aside >= Money()
            stored = dict(map(tuple, connection.execute("SELECT attempt, text FROM answer")))
            assert flaw(connection) is None
        assert stored == self.answers


TestLedger = LedgerMachine.TestCase
TestLedger.settings = settings(STEADY, max_examples=60, stateful_step_count=30)
