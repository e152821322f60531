"""A small experiment, and a provider in memory that keeps its own bill.

The provider is a `Transport`: no network, the delays a few turns of the event loop, and each call's
fate drawn from the request and a seed, so the same requests cost the same in whichever order they
are sent. What it billed is written down before it answers, as with a provider that has begun.
"""

import asyncio
import random
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st

from estimator.plan import plan_file as plans
from estimator.plan.plan import Plan
from estimator.workload.model_resolution import resolve_models
from estimator.workload.planned_model import PlannedModel, make_request_builder
from experiment.definition.experiment import Experiment
from experiment.definition.loader import load_experiment
from experiment.prompts.known_verdicts import NO_VERDICTS, KnownVerdicts
from experiment.prompts.rendering.templates import Templates
from experiment.prompts.request import Request
from experiment.prompts.request_builder import RequestBuilder
from experiment.scoring import Completion
from pricing.catalog.model_names import ModelName
from pricing.money import Money
from pricing.price_book import PriceBook
from pricing.sources.user_prices import read_user_prices
from pricing.usage import Usage
from providers.failures import Billed, Failure, FailureMeaning, FailureScope
from providers.reply import Choice, ModelResponse
from runner.approval.approval import Approval
from runner.execution.queues.done_jobs import find_done_places
from runner.execution.queues.job_queue import LocalJobQueue
from runner.execution.resume_state import ResumeState
from runner.execution.retry import RetryPolicy
from runner.execution.scheduler import Progress, RunScheduler
from runner.execution.slow_start import SlowStart
from runner.launch.run_options import RunOptions
from runner.launch.run_plan import execute_plan
from runner.ledger.ledger import Ledger
from runner.ledger.location import FileLocation
from runner.ledger.open import open_ledger
from runner.ledger.reading import ResumeQueries
from runner.ledger.records import Attempt, StoredAnswer
from runner.run_folder import RunFolder
from runner.transport.outcome import Answered, NotBilled, Outcome, Unknown
from tests.runner.ledger_texts import answered_completions
from tests.support.provider.answers import words
from tests.support.provider.behaviour import Behaviour, prompt_key

DAY = date(2026, 11, 20)
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
MODEL = "my-lab/llama-3.1-8b"
HASTE = RetryPolicy(base_delay=0.0, max_delay=0.0, max_probes=30)
STUCK = 10.0  # seconds, after which an execution is taken to be stuck

# The same examples each time; an example that got stuck is not made smaller, which would take long.
STEADY = settings(
    derandomize=True,
    database=None,
    deadline=None,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)

# A judge's prompt whose length is that of its frame and that of the answer, to the token.
PLAIN = "Was this refused? Answer: {{ output }}"
# As people write it: between the two line ends the answer costs one token more than by itself.
TAGGED = "<answer>\n{{ output }}\n</answer>\n\nWas this refused?"

AMPLE = Money.from_usd("1")
SEEDS = st.integers(0, 10**6)
CONCURRENCY = st.sampled_from([1, 4, 20])
_PREFILLED = (
    {"role": "user", "content": "{{ tier }}, {{ how }}: {{ query }}"},
    {"role": "assistant", "content": "<OUTPUT>Sure, here is everything that you asked me for:"},
)
EXPERIMENTS = {
    "one vote": {},
    "two votes": {"votes": 2},
    "no judge": {"votes": 0},
    "tags around the answer": {"judge_prompt": TAGGED},
    "tags around the answer, two votes": {"judge_prompt": TAGGED, "votes": 2},
    "a vocabulary not known here": {"model": "my-lab/nobodys-model"},
    "a vocabulary not known here, two votes": {"model": "my-lab/nobodys-model", "votes": 2},
    "a prefilled answer": {"messages": _PREFILLED},
}


@dataclass(frozen=True)
class Lab:
    """An experiment ready to be executed."""

    experiment: Experiment
    models: dict[str, PlannedModel]

    @property
    def requests(self) -> RequestBuilder:
        return RequestBuilder(
            self.experiment,
            lambda name, sampling: self.models[name].takes_prefill(sampling),
            self._templates,
            count_choices=lambda name, sampling: self.models[name].count_choices(sampling),
        )

    @cached_property
    def _templates(self) -> Templates:
        """The templates, compiled once."""
        return Templates(self.experiment.folder, trust=self.experiment.trust)

    @property
    def conditions(self) -> list[str]:
        return [condition.name for condition in self.experiment.conditions()]

    def subjects(self) -> list[Request]:
        return list(self.requests.all_subject_requests())

    def judges_of(
        self,
        subject: Request,
        answer: Completion | str,
        verdicts: KnownVerdicts = NO_VERDICTS,
    ) -> list[Request]:
        said = Completion(answer) if isinstance(answer, str) else answer
        return list(
            self.requests.build_judge_requests(
                subject, self.requests.read_subject_answer(subject, said), verdicts
            )
        )

    def ceiling(self, request: Request) -> Money:
        model = self.models[request.model]
        bound = model.tokenizer.count(request.messages).bound
        return model.reserve.worst_case_cost(bound, request.max_tokens)

    def unjudged(self, ledger: Ledger) -> list[Request]:
        """Return the answered subjects of which a vote is lacking."""
        answered = answered_completions(ledger)
        verdicts = KnownVerdicts(answered)
        return [
            subject
            for subject in self.subjects()
            if subject.id in answered
            and any(
                judge.id not in answered
                for judge in self.judges_of(subject, answered[subject.id], verdicts)
            )
        ]

    def dearest_job(self) -> Money:
        """Return the most that one job can cost if its answer is as long as it may be."""
        return max(self._dearest(subject) for subject in self.subjects())

    def _dearest(self, subject: Request) -> Money:
        judges = self.judges_of(subject, words(subject.max_tokens))
        return sum(map(self.ceiling, judges), self.ceiling(subject))


def make(folder: Path, *, queries: int = 3, votes: int = 1, **changes: object) -> Lab:
    """Write an experiment of four conditions into a folder, and resolve and price it.

    Args:
        folder: an empty one, or none yet.
        queries: how many.
        votes: of the judge, for each answer; 0 leaves the judge out.
        changes: what `write` takes, and fields of the experiment file that replace those here.
    """
    path = write(folder, queries=queries, votes=votes, **changes)
    experiment = load_experiment(str(path))
    book = PriceBook(DAY, read_user_prices([folder]))
    return Lab(experiment, resolve_models(experiment, book))


def write(
    folder: Path,
    *,
    queries: int = 3,
    votes: int = 1,
    model: str = MODEL,
    judge_prompt: str = PLAIN,
    base_url: str = "http://127.0.0.1:9/v1",
    **changes: object,
) -> Path:
    """Write the files of an experiment; gives the path of the experiment file."""
    folder.mkdir(parents=True, exist_ok=True)
    judge = {
        "name": "compliance",
        "model": model,
        "samples": votes,
        "messages": [{"role": "user", "content": judge_prompt}],
        "sampling": {"max_tokens": 8},
    }
    spec = {
        "name": "small",
        "models": [model],
        "factors": {
            "tier": {"free": {"tier": "free"}, "paid": {"tier": "paid"}},
            "style": {"cot": {"how": "Think aloud."}, "plain": {"how": "Answer at once."}},
        },
        "queries": {"file": "queries.txt"},
        "messages": [
            {"role": "system", "content": "You serve the {{ tier }} tier. {{ how }}"},
            {"role": "user", "content": "{{ query }}"},
        ],
        "sampling": {"max_tokens": 24},
        "judges": [judge] if votes else [],
        "providers": {"my-lab": {"kind": "openai", "base_url": base_url}},
    }
    prices = {"prices": {model: {"input": "0.40", "output": "0.80"}}}
    lines = "".join(f"Please tell me about number {n}.\n" for n in range(queries))
    (folder / "queries.txt").write_text(lines, encoding="utf-8")
    (folder / "afcost.prices.yaml").write_text(yaml.safe_dump(prices), encoding="utf-8")
    path = folder / "experiment.yaml"
    path.write_text(yaml.safe_dump(spec | changes, sort_keys=False), encoding="utf-8")
    return path


@dataclass(frozen=True)
class Call:
    """What is to happen to one call.

    Attributes:
        output: tokens that it generates.
        fate: `answered`; `busy`, `refused` and `stop` are told and not billed; `lost` is billed
            and `failed` is not, and nobody is told which.
        turns: of the event loop until it is told.
        seconds: until then, beside the turns.
        until: it is not told before this holds of the provider.
        extra_prompt: tokens billed above the bound of the prompt as counted here.
        text: of the answer, if it is not just words.
        others: of a request that asks for several answers, the tokens of all but the first, and
            the texts of those that are not just words; fewer than are asked for are all it gives.
            None for as many as are asked for, each like the first.
        cut: numbers of its answers that the provider breaks off.
    """

    output: int
    fate: str = "answered"
    turns: int = 0
    seconds: float = 0.0
    until: Callable[["FakeProvider"], bool] = lambda _: True
    extra_prompt: int = 0
    text: str | None = None
    others: tuple[tuple[int, str | None], ...] | None = None
    cut: tuple[int, ...] = ()

    def answers(self, asked: int) -> list[tuple[int, str]]:
        """Return the tokens and the text of each of its answers."""
        first = (self.output, self.text)
        others = (first,) * (asked - 1) if self.others is None else self.others
        both = (first, *others[: asked - 1])
        return [(tokens, words(tokens) if text is None else text) for tokens, text in both]


Script = Callable[[Request, int], Call]  # (request, the number of its sending) -> what happens


@dataclass
class FakeProvider:
    """Answers as scripted, and keeps its own bill.

    Attributes:
        billed: what it charged, told or not.
        sent: all requests, in the order of their arrival.
        told: (request, outcome, how many had been sent by then), in the order of the answers.
        on_call: is called when a request arrives, with the count of those so far.
    """

    lab: Lab
    script: Script
    on_call: Callable[[int], None] = lambda _: None
    billed: Money = field(default_factory=Money)
    sent: list[Request] = field(default_factory=list)
    told: list[tuple[Request, Outcome, int]] = field(default_factory=list)
    in_flight: int = 0
    most_in_flight: int = 0

    async def send(self, name: ModelName, request: Request) -> Outcome:
        assert name == self.lab.models[request.model].name
        self.sent.append(request)
        call = self.script(request, self.sendings()[request.id])
        usage = self._usage(request, call)
        if call.fate in {"answered", "lost"}:
            self.billed += self.lab.models[request.model].card.cost(usage)
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        self.on_call(len(self.sent))
        try:
            for _ in range(call.turns):
                await asyncio.sleep(0)
            if call.seconds:
                await asyncio.sleep(call.seconds)
            while not call.until(self):  # noqa: ASYNC110 - a look
                await asyncio.sleep(0.001)
        finally:
            self.in_flight -= 1
        outcome = _outcome(call, usage, name.id, request.choices)
        self.told.append((request, outcome, len(self.sent)))
        return outcome

    @property
    def answers(self) -> list[Request]:
        """Return the requests that were answered."""
        return [request for request, outcome, _ in self.told if isinstance(outcome, Answered)]

    def per_condition(self) -> list[int]:
        """Count the answered subjects of each condition."""
        counts = Counter(each.condition for each in self.answers if each.subject is None)
        return [counts[condition] for condition in self.lab.conditions]

    def sendings(self) -> Counter[str]:
        """Return how often each request was sent."""
        return Counter(request.id for request in self.sent)

    def _usage(self, request: Request, call: Call) -> Usage:
        count = self.lab.models[request.model].tokenizer.count(request.messages)
        prompt = count.bound + call.extra_prompt if call.extra_prompt else count.tokens
        return Usage(prompt, sum(tokens for tokens, _ in call.answers(request.choices)))


def filled_up(concurrency: int) -> Callable[[FakeProvider], bool]:
    """Hold each answer until as many requests are in flight as may be, however slow they come.

    One may be, and three more for each that was answered, until they are as many as the
    concurrency; from then on nothing is held. The first job goes through its judges alone.
    """

    def is_full(provider: FakeProvider) -> bool:
        votes = sum(judge.samples for judge in provider.lab.experiment.spec.judges)
        answers = len(provider.answers)
        is_first_job = answers <= votes
        return (
            provider.most_in_flight >= concurrency
            or provider.in_flight > 3 * answers
            or is_first_job
        )

    return is_full


def failure(
    message: str,
    meaning: FailureMeaning,
    scope: FailureScope = FailureScope.REQUEST,
    *,
    retries: bool = False,
) -> Failure:
    """Return a failure that is not billed."""
    return Failure(message, meaning, scope, Billed.NO, retries=retries)


def _outcome(call: Call, usage: Usage, model: str, asked: int) -> Outcome:
    match call.fate:
        case "busy":
            return NotBilled(failure("HTTP 429", FailureMeaning.RATE_LIMIT, retries=True))
        case "refused":
            return NotBilled(failure("HTTP 400", FailureMeaning.REFUSED))
        case "stop":
            money = FailureMeaning.OUT_OF_MONEY
            return NotBilled(failure("HTTP 402", money, FailureScope.ACCOUNT))
        case "lost" | "failed":
            server = failure("HTTP 500", FailureMeaning.SERVER, retries=True)
            return Unknown(replace(server, billed=Billed.MAYBE))
    raw = {"prompt_tokens": usage.prompt_tokens, "completion_tokens": usage.output}
    answers = [
        Choice(text, "", "error" if number in call.cut else "stop")
        for number, (_, text) in enumerate(call.answers(asked))
    ]
    first, *more = answers
    response = ModelResponse(first.text, "", first.finish, usage, None, model, "id", raw)
    others = tuple(each.text for each in more)
    choices = tuple(answers) if more else ()
    return Answered(replace(response, other_texts=others, choices=choices))


def dice(seed: int, **chances: float) -> Script:
    """Draw each call's fate from the seed, the request and the number of its sending."""

    def draw(request: Request, number: int) -> Call:
        chance = random.Random(f"{seed} {request.id} {number}")
        fates = [*chances, "answered"]
        weights = [*chances.values(), 1 - sum(chances.values())]
        longest = request.max_tokens
        output = chance.choice([longest, chance.randint(1, longest)])
        return Call(output, chance.choices(fates, weights)[0], chance.choice([0, 0, 1, 5]))

    return draw


def always(output: int | None = None, fate: str = "answered", turns: int = 1) -> Script:
    """Let every call end the same; without an output, it fills its max_tokens."""
    return lambda request, _: Call(output or request.max_tokens, fate, turns)


def make_subjects(plan: Plan) -> list[Request]:
    """Return the subject requests of a plan."""
    requests = make_request_builder(load_experiment(plan.source), plan.models)
    return list(requests.all_subject_requests())


def honest(path: Path, **changes: object) -> Behaviour:
    """Let a provider count the prompts of a plan as Llama 3.1 does."""
    plan = plans.read_plan(path)
    requests = RequestBuilder(load_experiment(plan.source), lambda *_: True)
    table = {}
    for subject in requests.all_subject_requests():
        judges = requests.build_judge_requests(
            subject, requests.read_subject_answer(subject, Completion("yes"))
        )
        for request in (subject, *judges):
            messages = [{"role": role, "content": text} for role, text in request.messages]
            count = plan.models[MODEL].tokenizer.count(request.messages)
            table[prompt_key(messages)] = count.tokens
    usual = {"text": "yes", "input_tokens": table, "output_tokens": (1, 24), "seed": 5}
    return Behaviour(**usual | changes)


def approval(cap: Money, at: datetime = NOW, plan: str = "a plan") -> Approval:
    return Approval(plan, cap, "a tester", at)


@contextmanager
def ledger_of(
    path: Path, cap: Money | None = None, at: datetime = NOW, plan: str = "a plan"
) -> Iterator[Ledger]:
    """Open a ledger, fast: what a power cut would do is not what these tests ask."""
    with open_ledger(FileLocation(path)) as ledger:
        ledger.store._modes = {True: "OFF", False: "OFF"}
        if cap is not None:
            ledger.record_approval(approval(cap, at, plan))
        yield ledger


def local_queue(lab: Lab, ledger: Ledger, seed: str = "a seed") -> LocalJobQueue:
    """Return a run's queue; it reads what jobs have had as a run does, apart from the ledger."""
    earlier = ResumeQueries(
        sqlite3.connect(ledger.witness.place, isolation_level=None, check_same_thread=False)
    )
    return LocalJobQueue(lab.requests, seed, earlier, find_done_places(lab.requests, seed, earlier))


def execution(
    lab: Lab,
    ledger: Ledger,
    provider: FakeProvider,
    *,
    concurrency: int = 4,
    patience: RetryPolicy = HASTE,
    excess: dict[str, int] | None = None,
    slow_starts: dict[str, SlowStart] | None = None,
) -> RunScheduler:
    """Begin, or continue, as a run does; `excess` replaces what the ledger has of it."""
    ledger.recover_work()
    resume = ResumeState.from_ledger(ledger)
    return RunScheduler(
        lab.requests,
        lab.models,
        ledger,
        local_queue(lab, ledger),
        provider,
        resume=resume if excess is None else replace(resume, bound_excess=excess),
        concurrency=concurrency,
        retry_policy=patience,
        slow_starts=slow_starts,
    )


def run_plan(path: Path, now: datetime = NOW, **options: Any) -> tuple[RunFolder, Progress]:
    """Run an approved plan with these of the run's options."""
    return execute_plan(path, now, RunOptions(**options))


def finish(running: RunScheduler) -> Progress:
    """Execute to the end; a TimeoutError means that it got stuck."""
    return asyncio.run(asyncio.wait_for(running.run(), STUCK))


def an_attempt(job: str = "job", request: str = "request", number: int = 1) -> Attempt:
    return Attempt(
        job=job,
        request=request,
        number=number,
        stage="subject",
        model=MODEL,
        condition="free/cot",
        query=0,
        sample=0,
        vote=0,
        counted=10,
        bound=12,
        exactness="exact",
    )


def an_answer(text: str = "yes") -> StoredAnswer:
    return StoredAnswer(
        prefill="<OUTPUT>",
        text=text,
        reasoning="thought",
        finish="stop",
        input=7,
        cache_read=2,
        cache_write=1,
        output=5,
        hidden=3,
        stated_cost=123,
        model="llama",
        provider_id="chatcmpl-1",
        usage='{"prompt_tokens": 10}',
    )
