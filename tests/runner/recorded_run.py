"""A run folder whose ledger is written by hand: what was sent, answered, held or given up."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import yaml

from estimator.counting import Exactness, TokenCount
from estimator.plan.planner import estimate_experiment
from experiment.definition.loader import load_experiment
from experiment.prompts.request import Request
from experiment.prompts.request_builder import RequestBuilder
from experiment.scoring import Completion
from pricing.money import Money
from runner.ledger.ledger import Ledger
from runner.ledger.location import FileLocation
from runner.ledger.open import open_ledger
from runner.ledger.records import Attempt, StoredAnswer
from runner.run_folder import RunFolder, create_or_reopen, describe_work
from tests.runner import sample_experiment as lab
from tests.runner.ledger_texts import last_attempt_numbers

CAP = Money.from_usd("1.00")
MODELS = ["my-lab/z-model", "my-lab/llama-3.1-8b"]  # not in the order of the alphabet
EACH = Money.from_usd("0.01")  # what an attempt reserves; an answer is billed a tenth
_COUNT = TokenCount(10, Exactness.EXACT, 12)


@dataclass
class Recorder:
    """Writes attempts to an open ledger."""

    ledger: Ledger
    requests: RequestBuilder
    number: int = 1

    def subjects(self, model: str, condition: str) -> list[Request]:
        return [
            each
            for each in self.requests.all_subject_requests()
            if (each.model, each.condition) == (model, condition)
        ]

    def reserve(self, request: Request, job: str = "", amount: Money = EACH) -> Attempt:
        attempt = Attempt.from_request(request, job or request.id, self.number, _COUNT)
        self.number += 1
        self.ledger.allocate(attempt.job, amount)
        self.ledger.reserve(attempt, amount)
        return attempt

    def answer(
        self,
        request: Request,
        said: Completion | str,
        note: str = "",
        *,
        prompt_tokens: int = 10,
        is_held: bool = False,
        billed: Money | None = None,
    ) -> Completion:
        """Settle an answer to a subject request."""
        said = Completion(said) if isinstance(said, str) else said
        self._settle(request, said, request.id, note, prompt_tokens, is_held=is_held, billed=billed)
        return said

    def judge(
        self, subject: Request, said: Completion, *verdicts: str, foresees: bool = False
    ) -> None:
        """Settle the judges' verdicts on an answer; with `foresees`, of those that wait as well."""
        answer = self.requests.read_subject_answer(subject, said)
        judges = self.requests.build_judge_requests(subject, answer, foresees=foresees)
        for request, verdict in zip(judges, verdicts, strict=True):
            self._settle(request, Completion(verdict), subject.id)

    def hold(self, request: Request, note: str = "HTTP 503", amount: Money = EACH) -> Attempt:
        attempt = self.reserve(request, amount=amount)
        self.ledger.hold(attempt, note)
        return attempt

    def release(self, request: Request, note: str = "HTTP 400") -> None:
        self.ledger.release(self.reserve(request), note)
        self.ledger.deallocate(request.id)

    def _settle(
        self,
        request: Request,
        said: Completion,
        job: str,
        note: str = "",
        prompt_tokens: int = 10,
        *,
        is_held: bool = False,
        billed: Money | None = None,
    ) -> None:
        stored = StoredAnswer(
            request.prefill, said.text, said.reasoning, said.finish, prompt_tokens, 0, 0, 5, 0,
            None, "", "", "{}", said.refusal, said.reasoning_form,
        )  # fmt: skip
        usual = Money(EACH.pico // 10) if prompt_tokens else Money()
        billed = usual if billed is None else billed
        attempt = self.reserve(request, job)
        self.ledger.settle(attempt, billed, stored, note, is_held=is_held)


@dataclass(frozen=True)
class RecordedRun:
    """A run folder, to whose ledger a test writes."""

    folder: RunFolder

    @contextmanager
    def recording(self, cap: Money = CAP) -> Iterator[Recorder]:
        location = self.folder.ledger_location
        assert isinstance(location, FileLocation)
        with lab.ledger_of(location.path, cap) as ledger:
            ledger.recover_work()
            builder = self.folder.request_builder()
            yield Recorder(ledger, builder, 1 + sum(last_attempt_numbers(ledger).values()))


def make_run(folder: Path, run: Path | None = None, **changes: object) -> RecordedRun:
    """Plan a small experiment, and make its run folder with an empty ledger."""
    source = lab.write(folder / "e", **{"models": MODELS} | changes)
    prices = {"prices": {name: {"input": "0.40", "output": "0.80"} for name in MODELS}}
    (source.parent / "afcost.prices.yaml").write_text(yaml.safe_dump(prices))
    plan = estimate_experiment(str(source), lab.DAY).plan
    path = run or folder / "run"
    path.mkdir(parents=True)
    location = FileLocation(path / "ledger.sqlite")
    with open_ledger(location) as ledger:
        ledger.begin_work(describe_work(plan))
        made = create_or_reopen(path, plan, load_experiment(plan.source), location)
    return RecordedRun(replace(made, location=None))
