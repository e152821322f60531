"""Provenance: the versions, digests, order and models that a run's answers come from."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from runner.ledger import FINGERPRINT, AttemptRecord, LedgerReader
from runner.run_folder import RunFolder, choose_order_seed


@dataclass(frozen=True, slots=True)
class ModelProvenance:
    """A model of a run.

    Attributes:
        model: its name.
        requested: the id that its provider was sent.
        tokenizer: that its prompts were counted with.
        prices: where its pinned prices are from, and when they were checked.
        reported: what the provider called it -> in how many answers.
        fingerprints: `system_fingerprint` of its configuration -> in how many answers; empty where
            the provider tells none.
    """

    model: str
    requested: str
    tokenizer: str
    prices: str
    reported: dict[str, int] = field(default_factory=dict)
    fingerprints: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Provenance:
    """What a run's answers come from.

    Attributes:
        plan, work, requests: digests of the plan, of what is done, and of all subject requests.
        files: sha256 of every file that the prompts and queries were made from.
        order_seed: the seed from which the order of work is drawn.
        versions: of afcost, Python and the packages that render and count, when it was last run;
            empty in runs of before they were kept.
        models: by their written name.
    """

    plan: str
    work: str
    requests: str
    files: dict[str, str]
    order_seed: str
    versions: dict[str, str]
    models: dict[str, ModelProvenance]

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON."""
        return asdict(self)


class ModelTally:
    """Counts what models their answers say that they come from, job by job.

    Attributes:
        reported: model, as the experiment writes it -> what its provider called it -> in how many
            answers.
        fingerprints: the same of its configuration.
    """

    def __init__(self) -> None:
        self.reported: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self.fingerprints: defaultdict[str, Counter[str]] = defaultdict(Counter)

    def add(self, records: Iterable[AttemptRecord]) -> None:
        """Add a job's attempts."""
        for record in records:
            answer = record.answer
            if answer is not None:
                model = record.attempt.model
                self.reported[model][answer.model] += 1
                if FINGERPRINT in answer.usage and (found := _read_fingerprint(answer.usage)):
                    self.fingerprints[model][found] += 1

    def take_counts(self) -> tuple[dict[str, Counter[str]], dict[str, Counter[str]]]:
        """Return what was reported, and the fingerprints, and begin again."""
        taken = dict(self.reported), dict(self.fingerprints)
        self.reported, self.fingerprints = defaultdict(Counter), defaultdict(Counter)
        return taken

    def add_counts(
        self, reported: Mapping[str, Counter[str]], fingerprints: Mapping[str, Counter[str]]
    ) -> None:
        """Add what was counted of other jobs."""
        for model, found in reported.items():
            self.reported[model].update(found)
        for model, found in fingerprints.items():
            self.fingerprints[model].update(found)


def read_provenance(run_folder: RunFolder, found: ModelTally, reader: LedgerReader) -> Provenance:
    """Read what a run's answers come from.

    Args:
        run_folder: of the run.
        found: what its answers say of their models.
        reader: of its ledger.
    """
    plan, works = run_folder.plan, reader.works()
    return Provenance(
        plan=plan.digest,
        work=plan.work_digest,
        requests=plan.requests,
        files=dict(sorted(plan.files.items())),
        order_seed=choose_order_seed(plan, works[0].digest if works else ""),
        versions=run_folder.versions,
        models={
            written: ModelProvenance(
                model=str(model.name),
                requested=model.name.id,
                tokenizer=model.tokenizer.name,
                prices=_describe_prices(model.card.source, model.card.checked),
                reported=dict(found.reported[written]),
                fingerprints=dict(found.fingerprints[written]),
            )
            for written, model in plan.models.items()
        },
    )


def _read_fingerprint(usage: str) -> str:
    try:
        return str(json.loads(usage).get(FINGERPRINT) or "")
    except (ValueError, AttributeError):
        return ""


def _describe_prices(source: str, checked: object) -> str:
    return f"{source}, {checked}" if checked else source
