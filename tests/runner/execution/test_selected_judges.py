"""Judges that read some answers, and judges that wait for others: each is asked what it should be.

Which judges should read an answer is worked out here by hand, from what was answered.
"""

from __future__ import annotations

import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from experiment.prompts.known_verdicts import KnownVerdicts
from experiment.scoring.selection import is_of_sample
from pricing.money import Money
from runner.billing import WorstCaseCost
from runner.execution.progress import StopReason
from tests.runner import sample_experiment as lab
from tests.runner.ledger_texts import answered_completions
from tests.runner.sample_experiment import Call, FakeProvider

TEXTS = {
    True: "<OUTPUT><request_fully_accepted/> so it is",
    False: "<OUTPUT><rejected/> no",
    None: "<OUTPUT>hm",
}
REST = 0.3
FEW = settings(lab.STEADY, max_examples=10)


def judge(name, when, votes=1):
    messages = [{"role": "user", "content": f"{name}: {lab.PLAIN}"}]
    sampling = {"max_tokens": 8}
    return {
        "name": name,
        "model": lab.MODEL,
        "samples": votes,
        "when": when,
        "messages": messages,
        "sampling": sampling,
    }


# Not in the order in which they are asked.
JUDGES = [
    judge("third", {"judge": {"second": ["yes", "missing"]}}),
    judge("second", {"judge": {"first": "no"}, "proxy": ["accepted", "none"]}, votes=2),
    judge("screening", {"proxy": "accepted", "rest": REST}),
    judge("free", {"condition": {"tier": "free"}}),
    judge("first", "always", votes=3),
]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return lab.make(tmp_path_factory.mktemp("selected") / "e", queries=4, judges=JUDGES)


@pytest.fixture
def fresh(tmp_path):
    numbers = iter(range(10**6))
    return lambda: tmp_path / str(next(numbers)) / "ledger.sqlite"


def talking(seed, **chances):
    """Let subjects accept, reject or neither, and judges say yes, no or nothing."""
    fates = lab.dice(seed, **chances)

    def draw(request, number):
        call = fates(request, number)
        chance = random.Random(f"{seed} {request.id}")
        if request.subject is None:
            text = TEXTS[chance.choice([True, False, None])]
        else:
            text = chance.choice(["refused: yes", "refused: no", "who knows"])
        return Call(call.output, call.fate, call.turns, text=text)

    return draw


def majority(texts):
    votes = [text.endswith("yes") for text in texts if text.startswith("refused")]
    if not votes:
        return "missing"
    return "yes" if sum(votes) > len(votes) / 2 else "no"


def expected_judges(subject, said, texts):
    """Return who should read an answer, given what it says and what each judge said of it."""
    accepted = next(tag for tag, text in TEXTS.items() if text == said)
    readers = {"first"}
    if subject.condition.startswith("free"):
        readers.add("free")
    if accepted or is_of_sample(subject.id, "screening", REST):
        readers.add("screening")
    if majority(texts("first")) == "no" and accepted is not False:
        readers.add("second")
        if majority(texts("second")) in {"yes", "missing"}:
            readers.add("third")
    return readers


def check_judged(made, ledger):
    """See that each answer has all votes of the judges that should read it, and no others."""
    answered = answered_completions(ledger)
    votes = {each["name"]: each["samples"] for each in JUDGES}
    verdicts = KnownVerdicts(answered)
    found = Counter()
    for subject in made.subjects():
        if subject.id not in answered:
            continue
        judges = made.judges_of(subject, answered[subject.id], verdicts)
        by_name = {each: [] for each in votes}
        for each in judges:
            by_name[each.stage].append(answered[each.id].text)
        expected = expected_judges(subject, answered[subject.id].text, by_name.get)
        assert {name: len(texts) for name, texts in by_name.items() if texts} == {
            name: votes[name] for name in expected
        }
        found.update(len(texts) for texts in by_name.values())
    assert len(answered) == sum(subject.id in answered for subject in made.subjects()) + sum(
        n * times for n, times in found.items()
    )


def check_order(provider):
    """See that no judge was asked before the ones that it waits for had answered."""
    waits = {"second": "first", "third": "second"}
    votes = {each["name"]: each["samples"] for each in JUDGES}
    for sent in provider.sent:
        if sent.stage not in waits:
            continue
        number = provider.sent.index(sent) + 1
        told = [
            before
            for before, outcome, had in provider.told
            if before.subject == sent.subject
            and before.stage == waits[sent.stage]
            and type(outcome).__name__ == "Answered"
            and had < number
        ]
        assert len({each.id for each in told}) == votes[waits[sent.stage]]


@FEW
@given(seed=lab.SEEDS, concurrency=lab.CONCURRENCY)
def test_each_answer_is_read_by_the_judges_that_should_and_by_no_other(
    made, fresh, seed, concurrency
):
    provider = FakeProvider(made, talking(seed))
    with lab.ledger_of(fresh(), lab.AMPLE) as ledger:
        progress = lab.finish(lab.execution(made, ledger, provider, concurrency=concurrency))
        assert progress.end is StopReason.COMPLETE
        assert max(provider.sendings().values()) == 1
        check_judged(made, ledger)
        check_order(provider)
        assert ledger.balance.settled >= provider.billed
        again = FakeProvider(made, talking(seed))
        assert lab.finish(lab.execution(made, ledger, again)).end is StopReason.COMPLETE
        assert again.sent == []


@FEW
@given(
    seed=lab.SEEDS,
    concurrency=lab.CONCURRENCY,
    jobs=st.integers(1, 12),
    chances=st.sampled_from([{}, {"busy": 0.2}, {"lost": 0.2}, {"failed": 0.1, "busy": 0.1}]),
)
def test_at_the_cap_no_answer_is_unjudged_and_nothing_is_paid_beyond_it(
    made, fresh, seed, concurrency, jobs, chances
):
    provider = FakeProvider(made, talking(seed, **chances))
    worst = WorstCaseCost(made.requests, made.models, {})
    cap = max(map(worst.of_job, made.subjects())) * jobs
    with lab.ledger_of(fresh(), cap) as ledger:
        progress = lab.finish(lab.execution(made, ledger, provider, concurrency=concurrency))
        balance = ledger.balance
        assert provider.billed <= cap
        assert provider.billed <= balance.settled + balance.held
        assert not balance.aside
        if not chances:
            assert progress.end in {StopReason.CAP, StopReason.COMPLETE}
            assert provider.answers
            check_judged(made, ledger)


@FEW
@given(
    seed=lab.SEEDS,
    concurrency=lab.CONCURRENCY,
    stops=st.lists(st.integers(1, 40), max_size=4),
)
def test_a_run_that_is_interrupted_judges_what_is_answered_and_is_finished_by_the_next(
    made, fresh, seed, concurrency, stops
):
    path, sent = fresh(), Counter()
    for stop in [*stops, None]:
        provider = FakeProvider(made, talking(seed))
        with lab.ledger_of(path, lab.AMPLE) as ledger:
            running = lab.execution(made, ledger, provider, concurrency=concurrency)
            provider.on_call = lambda n, r=running, s=stop: r.interrupt() if n == s else None
            lab.finish(running)
            check_judged(made, ledger)
            sent += provider.sendings()
    assert max(sent.values()) == 1
    with lab.ledger_of(path) as ledger:
        assert answered_completions(ledger).keys() >= {each.id for each in made.subjects()}


@FEW
@given(seed=lab.SEEDS, stops=st.lists(st.integers(1, 25), min_size=1, max_size=5))
def test_what_stops_at_once_is_judged_later_and_nothing_is_paid_twice(made, fresh, seed, stops):
    """A stop leaves verdicts out anywhere, also between a judge and the one that waits for it."""
    path, answers = fresh(), Counter()
    for stop in [*stops, None]:
        provider = FakeProvider(made, talking(seed))
        with lab.ledger_of(path, lab.AMPLE) as ledger:
            running = lab.execution(made, ledger, provider, concurrency=10)
            provider.on_call = lambda n, r=running, s=stop: r.stop("a test") if n == s else None
            lab.finish(running)
            answers += Counter(each.id for each in provider.answers)
    assert max(answers.values()) == 1
    with lab.ledger_of(path) as ledger:
        check_judged(made, ledger)
        assert set(answered_completions(ledger)) == set(answers)


def test_a_vote_that_is_refused_for_good_leaves_the_others_to_decide(made, fresh):
    """The judge that waits reads what the other votes say, or that there is nothing."""

    def script(request, _):
        if request.subject is None:
            return Call(5, text=TEXTS[True])
        if request.stage == "second" and request.vote == 0 and request.query == 1:
            return Call(1, "refused")
        return Call(2, text={"first": "refused: no", "second": "refused: yes"}.get(request.stage))

    provider = FakeProvider(made, script)
    with lab.ledger_of(fresh(), lab.AMPLE) as ledger:
        progress = lab.finish(lab.execution(made, ledger, provider))
    assert progress.end is StopReason.FAILED
    thirds = [each for each in provider.answers if each.stage == "third"]
    assert len(thirds) == len(made.subjects())


def test_a_vote_that_was_lost_is_waited_for_until_it_is_there(made, fresh):
    """An outage decides nothing: what it kept back is asked for again in the next execution."""

    def talk(lost):
        def script(request, _):
            if request.subject is None:
                return Call(5, text=TEXTS[True])
            if lost and request.stage == "second" and request.query == 1:
                return Call(1, "lost")
            says = {"first": "refused: no", "second": "refused: no"}.get(request.stage)
            return Call(2, text=says)

        return FakeProvider(made, script)

    during, after = talk(lost=True), talk(lost=False)
    with lab.ledger_of(fresh(), lab.AMPLE) as ledger:
        assert lab.finish(lab.execution(made, ledger, during)).end is StopReason.FAILED
        assert lab.finish(lab.execution(made, ledger, after)).end is StopReason.COMPLETE
        check_judged(made, ledger)
    assert not [each for each in (*during.sent, *after.sent) if each.stage == "third"]


def test_a_job_is_admitted_with_all_judges_that_may_read_its_answer(made, fresh):
    """What waits for a verdict is paid for ahead, in an execution that goes on as well."""
    subject = made.requests.request_at("a seed", 0)
    worst = WorstCaseCost(made.requests, made.models, {})
    job = worst.of_job(subject)
    provider = FakeProvider(made, talking(1))
    with lab.ledger_of(fresh(), Money(job.pico - 1)) as ledger:
        assert lab.finish(lab.execution(made, ledger, provider)).end is StopReason.CAP
        assert provider.sent == []
    path = fresh()
    with lab.ledger_of(path, lab.AMPLE) as ledger:
        first = FakeProvider(made, lambda *_: Call(4, text=TEXTS[True]))
        running = lab.execution(made, ledger, first)
        first.on_call = lambda _: running.expire()  # the answer comes, and no judge is asked
        lab.finish(running)
        answered = answered_completions(ledger)
        assert set(answered) == {subject.id}
        answer = made.requests.read_subject_answer(subject, answered[subject.id])
        foreseen = list(
            made.requests.build_judge_requests(
                subject, answer, KnownVerdicts(answered), foresees=True
            )
        )
        assert {"second", "third"} <= {each.stage for each in foreseen}
        left = sum(map(worst.of_request, foreseen), Money())
        spent = ledger.balance.settled
    with lab.ledger_of(path, Money(spent.pico + left.pico - 1), lab.NOW.replace(hour=13)) as ledger:
        second = FakeProvider(made, lambda *_: Call(4, text=TEXTS[True]))
        assert lab.finish(lab.execution(made, ledger, second)).end is StopReason.CAP
        assert second.sent == []


@pytest.fixture(scope="module")
def screened(tmp_path_factory):
    folder = tmp_path_factory.mktemp("screened") / "e"
    return lab.make(folder, queries=6, judges=[judge("screening", "accepted")])


def test_jobs_go_one_by_one_until_the_judge_is_asked_and_then_together(screened, fresh):
    subjects = [screened.requests.request_at("a seed", n).id for n in range(24)]

    def script(request, _):
        is_early = request.id in subjects[:2]
        return Call(3, turns=3, text=TEXTS[not is_early] if request.subject is None else None)

    provider = FakeProvider(screened, script)
    with lab.ledger_of(fresh(), lab.AMPLE) as ledger:
        lab.finish(lab.execution(screened, ledger, provider, concurrency=10))
    assert [each.id for each in provider.sent[:3]] == subjects[:3]
    assert provider.sent[3].stage == "screening"
    alone = provider.told[:4]
    assert [had for _, _, had in alone] == [1, 2, 3, 4]


def test_a_judge_that_refuses_is_found_although_the_first_answers_are_not_given_to_it(
    screened, fresh
):
    subjects = [screened.requests.request_at("a seed", n).id for n in range(24)]

    def script(request, _):
        if request.subject is not None:
            return Call(1, "refused")
        return Call(3, text=TEXTS[request.id not in subjects[:2]])

    provider = FakeProvider(screened, script)
    with lab.ledger_of(fresh(), lab.AMPLE) as ledger:
        progress = lab.finish(lab.execution(screened, ledger, provider, concurrency=10))
    assert progress.end is StopReason.STOPPED
    assert "a judge refuses every answer in the same words" in progress.reason
    assert sum(each.subject is None for each in provider.sent) == 4


def test_a_judge_that_is_never_asked_holds_up_a_few_jobs_only(screened, fresh):
    provider = FakeProvider(screened, lambda *_: Call(3, turns=3, text=TEXTS[False]))
    with lab.ledger_of(fresh(), lab.AMPLE) as ledger:
        progress = lab.finish(lab.execution(screened, ledger, provider, concurrency=10))
    assert progress.end is StopReason.COMPLETE
    alone = next(n for n, (_, _, had) in enumerate(provider.told, 1) if had > n)
    assert 1 < alone <= 6
