"""Whatever is done to a ledger, in whatever order, it says what a few sums would say.

Once for a ledger in a file, with its one writer; once for one in PostgreSQL, with two at a time,
who come, go, die, and are taken for dead while they live.
"""

import contextlib
import secrets
import tempfile
from collections import defaultdict
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
    run_state_machine_as_test,
)

from pricing.money import Money
from runner.errors import LedgerError
from runner.ledger.location import FileLocation, PostgresLocation
from runner.ledger.open import open_job_table, open_ledger, read_ledger
from runner.ledger.reading import LedgerReader
from tests.runner.sample_experiment import NOW, STEADY, an_answer, an_attempt, approval, ledger_of

AMOUNTS = st.one_of(st.just(0), st.integers(1, 400), st.integers(1, 10**15))
JOBS = st.sampled_from(["a", "b", "c"])
WHO = st.integers(0, 1)
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=5)


class LedgerMachine(RuleBasedStateMachine):
    """The ledger beside a model of it: what each job and each attempt has, and what was billed."""

    attempts = Bundle("attempts")
    shared = False

    @initialize(cap=AMOUNTS)
    def open(self, cap):
        self.closing = contextlib.ExitStack()
        self.aside, self.reserved, self.held = defaultdict(int), {}, {}
        self.owners = {}
        self.settled = self.above = self.cap = self.highest = 0
        self.approvals, self.numbers, self.answers = 0, defaultdict(int), {}
        self.lost, self.halt = [], ""
        self.begin()
        self.approve(0, cap)

    def begin(self):
        folder = self.closing.enter_context(tempfile.TemporaryDirectory())
        self.place = FileLocation(Path(folder) / "ledger.sqlite")
        self.opened = self.closing.enter_context(contextlib.ExitStack())
        self.ledgers = [self.opened.enter_context(ledger_of(self.place.path))]

    def teardown(self):
        if hasattr(self, "closing"):
            self.closing.close()

    def reading(self):
        return read_ledger(self.place)

    def ledger(self, who):
        return self.ledgers[who % len(self.ledgers)]

    @property
    def total(self):
        accounts = (self.aside, self.reserved, self.held)
        return sum(sum(account.values()) for account in accounts) + self.settled

    @rule(who=WHO, cap=AMOUNTS)
    def approve(self, who, cap):
        self.approvals += 1
        at = NOW + timedelta(seconds=self.approvals)
        self.ledger(who).record_approval(approval(Money(cap), at))
        self.cap, self.highest = cap, max(self.highest, cap)

    @rule(who=WHO, job=JOBS, amount=AMOUNTS)
    def set_aside(self, who, job, amount):
        fits, ledger = self.total + amount <= self.cap, self.ledger(who)
        assert ledger.allocate(job, Money(amount)) == fits
        self.aside[ledger.worker, job] += amount if fits else 0

    @rule(who=WHO, job=JOBS)
    def set_aside_all_that_is_free(self, who, job):
        self.set_aside(who, job, max(self.cap - self.total, 0))

    @rule(
        target=attempts,
        who=WHO,
        job=JOBS,
        request=st.sampled_from("xy"),
        share=st.integers(0, 100),
    )
    def reserve(self, who, job, request, share):
        ledger = self.ledger(who)
        amount = self.aside[ledger.worker, job] * share // 100
        self.numbers[request] += 1
        attempt = an_attempt(job, request, self.numbers[request])
        if self.total - sum(self.aside.values()) + amount > self.cap:  # it was lowered
            with pytest.raises(LedgerError, match="no longer covers"):
                ledger.reserve(attempt, Money(amount))
            return multiple()
        ledger.reserve(attempt, Money(amount))
        self.aside[ledger.worker, job] -= amount
        self.reserved[attempt], self.owners[attempt] = amount, ledger
        return attempt

    @rule(who=WHO, job=JOBS, too_much=st.integers(1, 10**15))
    def reserve_more_than_is_set_aside(self, who, job, too_much):
        attempt, ledger = an_attempt(job, "z", 1), self.ledger(who)
        with pytest.raises(LedgerError):
            ledger.reserve(attempt, Money(self.aside[ledger.worker, job] + too_much))

    @rule(attempt=attempts, part=st.integers(0, 250), text=TEXTS)
    def settle(self, attempt, part, text):
        """Below, at and above what is counted for it; a free one too may cost something."""
        account = self.account_of(attempt)
        billed = (account or {}).get(attempt, 0) * part // 100 + (part > 200)
        answer = an_answer()._replace(text=text)
        settle = partial(self.owner(attempt).settle, attempt, Money(billed), answer)
        if account is None:
            return self.refuses(settle)
        settle()
        self.bill(account.pop(attempt), billed)
        self.answers[attempt.id] = text
        return None

    @rule(attempt=attempts)
    def release(self, attempt):
        account, ledger = self.account_of(attempt), self.owner(attempt)
        if account is None:
            return self.refuses(partial(ledger.release, attempt, "HTTP 429"))
        ledger.release(attempt, "HTTP 429")
        if account is self.reserved:
            self.aside[ledger.worker, attempt.job] += self.reserved[attempt]
        del account[attempt]
        return None

    @rule(attempt=attempts)
    def hold(self, attempt):
        account, ledger = self.account_of(attempt), self.owner(attempt)
        if account is None:
            return self.refuses(partial(ledger.hold, attempt, "HTTP 500"))
        ledger.hold(attempt, "HTTP 500")
        self.held[attempt] = account.pop(attempt)
        return None

    @rule(who=WHO, part=st.integers(0, 250))
    def resolve_a_hold(self, who, part):
        """Held money comes back in part, in full, or turns out to be more."""
        ledger = self.ledger(who)
        assert {name: money.pico for name, (_, money) in ledger.held_attempts().items()} == {
            attempt.id: amount for attempt, amount in self.held.items()
        }
        for attempt, amount in list(self.held.items())[:1]:
            billed = amount * part // 100
            ledger.resolve(attempt.id, Money(billed), "the provider's invoice")
            self.bill(self.held.pop(attempt), billed)
            with pytest.raises(LedgerError, match="nothing is held"):
                ledger.resolve(attempt.id, Money(), "again")

    @rule(who=WHO, job=JOBS)
    def free(self, who, job):
        ledger = self.ledger(who)
        ledger.deallocate(job)
        self.aside[ledger.worker, job] = 0

    @rule(attempt=attempts, job=JOBS)
    def a_batch_that_fails_leaves_all_as_it_was(self, attempt, job):
        """Also what the ledger remembers of its own: the steps that follow find it."""
        with pytest.raises(ZeroDivisionError):
            self.fail_after_a_few_writes(self.owner(attempt), attempt, job)

    def fail_after_a_few_writes(self, ledger, attempt, job):
        with ledger.transaction() as head:
            if self.account_of(attempt) is not None:
                ledger.settle(attempt, Money(1), an_answer())
            free = ledger.allocated_to(job)
            if free and not head.is_stopped and ledger.covers(free):
                ledger.reserve(an_attempt(job, "undone", 1), free)
                ledger.release(an_attempt(job, "undone", 1), "HTTP 429")
            ledger.deallocate(job)
            raise ZeroDivisionError

    @rule()
    def all_die_and_are_recovered(self):
        self.opened.close()
        self.ledgers = [self.opened.enter_context(ledger_of(self.place.path))]
        assert self.ledgers[0].recover_work() == len(self.reserved)
        self.bury(*{ledger.worker for ledger in self.owners.values()})

    def account_of(self, attempt):
        """Say where an attempt's money is that may still be ended; None where it is not."""
        if attempt in self.reserved:
            return self.reserved
        return self.held if self.shared and attempt in self.held else None

    def owner(self, attempt):
        """Return the ledger of whoever sent an attempt, or of who came after."""
        owner = self.owners[attempt]
        return owner if owner in [*self.ledgers, *self.lost] else self.ledgers[0]

    def bill(self, counted, billed):
        self.settled += billed
        self.above += max(billed - counted, 0)

    def bury(self, *workers):
        """What they were sending is held, what they promised is free."""
        for attempt in [a for a in self.reserved if self.owners[a].worker in workers]:
            self.held[attempt] = self.reserved.pop(attempt)
        for worker, job in self.aside:
            if worker in workers or not self.shared:
                self.aside[worker, job] = 0

    def refuses(self, movement):
        """An attempt ends once."""
        with pytest.raises(LedgerError, match="is not open"):
            movement()

    @invariant()
    @precondition(lambda self: hasattr(self, "closing"))
    def everybody_sees_the_balance_of_the_model(self):
        for ledger in self.ledgers:
            head = ledger.store.read_state()
            now = head.balance
            assert now.cap.pico == self.cap
            assert now.aside.pico == sum(self.aside.values())
            assert now.reserved.pico == sum(self.reserved.values())
            assert (now.settled.pico, now.held.pico) == (self.settled, sum(self.held.values()))
            assert now.free.pico == self.cap - self.total
            assert head.stop_reason == self.halt
            for job in "abc":
                assert ledger.allocated_to(job).pico == self.aside[ledger.worker, job]

    @invariant()
    @precondition(lambda self: hasattr(self, "closing"))
    def the_sum_exceeds_the_cap_only_by_what_was_billed_above_its_reservation(self):
        now = self.ledgers[0].store.read_state().balance
        spoken_for = now.aside + now.reserved + now.settled + now.held
        assert spoken_for.pico <= self.highest + self.above
        assert min(now.aside, now.reserved, now.settled, now.held) >= Money()

    @invariant()
    @precondition(lambda self: hasattr(self, "closing"))
    def what_is_stored_is_every_answer_and_all_money(self):
        with self.reading() as reader:
            assert reader.balance() == self.ledgers[0].store.read_state().balance
            stored = {call.attempt.id: call.answer.text for call in reader.answered_calls()}
            assert reader.find_tampering() is None
        assert stored == self.answers


class SharedLedgerMachine(LedgerMachine):
    """The same with two workers; one that was taken for dead may still be told of its answers."""

    shared = True

    def __init__(self, url):
        super().__init__()
        self.url = url

    def begin(self):
        self.place = PostgresLocation(self.url, secrets.token_hex(32))
        self.opened = self.closing.enter_context(contextlib.ExitStack())
        self.ledgers, self.crews = [], []
        for _ in range(2):
            self.comes()

    def comes(self):
        """Let a worker come; when no other is there, what was halted goes on."""
        ledger = self.opened.enter_context(open_ledger(self.place))
        crew = self.opened.enter_context(open_job_table(self.place, ledger, 60))
        crew.register(3)
        self.ledgers.append(ledger)
        self.crews.append(crew)

    def goes(self, who):
        """Let one go; what was promised to its jobs is free already, and not freed again."""
        self.lost.append(self.ledgers.pop(who))
        self.crews.pop(who)
        self.bury(self.lost[-1].worker)
        for job in "abc":
            self.lost[-1].deallocate(job)

    def reading(self):
        """Read over a connection that is there: a new one at each step would take long."""
        return contextlib.nullcontext(LedgerReader(self.ledgers[0].store))

    def late(self, *workers):
        statement = "UPDATE worker SET until = now() - interval '1 second' WHERE id = ANY(?)"
        self.crews[0]._database.execute(statement, (list(workers),))

    @rule(who=WHO)
    def one_is_taken_for_dead(self, who):
        self.late(self.ledgers[who].worker)
        self.crews[1 - who].reap_expired()
        self.goes(who)
        self.comes()

    @rule()
    def all_are_recovered_by_hand_while_they_sleep(self):
        with open_ledger(self.place) as third:
            assert third.recover_work() == len(self.reserved)
        for _ in range(2):
            self.goes(0)
            self.comes()
        self.halt = ""

    @rule(who=WHO)
    def one_leaves(self, who):
        self.crews[who].unregister()
        self.goes(who)
        self.comes()

    @rule(who=WHO, after=st.booleans())
    def one_that_is_late_but_alive_is_left_alone(self, who, after):
        crew, other = self.crews[who], self.crews[1 - who]
        if after:
            self.late(self.ledgers[who].worker)
        crew.renew_lease()
        other.reap_expired()

    @rule()
    def all_die_and_are_recovered(self):
        gone, self.halt = [ledger.worker for ledger in self.ledgers], ""
        self.late(*gone)
        self.opened.close()
        self.ledgers, self.crews, self.lost = [], [], []
        self.comes()
        self.comes()
        self.bury(*gone)

    @rule(who=WHO, reason=st.sampled_from(["a breach", "HTTP 402"]))
    def one_stops_all(self, who, reason):
        self.ledgers[who].stop_workers(reason)
        self.halt = reason
        with self.ledgers[1 - who].transaction() as head:
            assert head.stop_reason == reason

    @rule(job=JOBS, amount=AMOUNTS)
    def those_that_were_taken_for_dead_spend_nothing(self, job, amount):
        for ledger in self.lost[-2:]:
            with pytest.raises(LedgerError, match="missed its lease"):
                ledger.allocate(job, Money(amount))
            with pytest.raises(LedgerError, match="missed its lease"):
                ledger.reserve(an_attempt(job, "z", 1), Money())
            ledger.deallocate(job)


def test_a_ledger_in_a_file():
    steps = settings(STEADY, max_examples=60, stateful_step_count=30)
    run_state_machine_as_test(LedgerMachine, settings=steps)


@pytest.mark.parametrize("examples", [8, pytest.param(150, marks=pytest.mark.faults)])
def test_a_ledger_in_postgresql(postgres, examples):
    steps = settings(STEADY, max_examples=examples, stateful_step_count=25)
    machine = partial(SharedLedgerMachine, postgres.database())
    run_state_machine_as_test(machine, settings=steps)
