"""Runs with batches: which models are asked in them, and when that cannot be."""

from __future__ import annotations

import secrets
import shlex
from collections.abc import Collection, Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from estimator.plan import VerifiedPlan
from estimator.processing import batch_offer, is_far_below, prefers_calls, price_as_batch
from estimator.workload import PlannedModel
from pricing.rates import Offer
from runner.batches import BatchCourse, BatchWork, price_as_reserved
from runner.errors import BadRun, CannotSend
from runner.launch.preflight import CheckedPlan
from runner.launch.run_options import ApprovalEnd, OpenWork, RunOptions
from runner.ledger import BATCH_MARK, ChunkNote, Ledger, Location, ledger_exists, read_ledger
from runner.run_folder import describe_work
from runner.transport.batches import BatchClient, BatchTransport

_REJUDGE_FOLDER = "rejudge"  # of a run folder, in which `afcost rejudge` keeps its plans


@dataclass(frozen=True, slots=True)
class ChosenBatches:
    """Which models of a plan are asked in batches.

    Attributes:
        models: the plan's, at the prices by which they are asked.
        batched: written names of those in batches.
        unpriced: those of them whose price in batches is not known any more: what is away of them
            is collected, at the price by which it was reserved, and nothing more is sent.
        cached: those that are asked by calls, as they read cached prompts and cost less so.
    """

    models: dict[str, PlannedModel]
    batched: frozenset[str]
    unpriced: frozenset[str]
    cached: frozenset[str] = frozenset()


def choose_batched(
    checked: CheckedPlan, ledger: Ledger, options: RunOptions, until: datetime | None
) -> ChosenBatches:
    """Choose the models of a plan that are asked in batches, as of `price_batched`.

    Raises:
        CannotSend: none can be, though that is asked for; or not in such a run.
    """
    chosen = price_batched(checked, ledger.open_chunks(), options, until)
    if chosen.batched:
        _refuse_other_runs(checked.verified, ledger, options)
    return chosen


def price_batched(
    checked: CheckedPlan,
    open_chunks: Sequence[ChunkNote],
    options: RunOptions,
    until: datetime | None,
) -> ChosenBatches:
    """Return the models of a plan, with the prices by which they are asked.

    In batches are those that the plan has so, those that have batches away, those that `--by`
    chose, and with `--batch` all but those whose calls read cached prompts and cost less so; each
    where its price in batches is known. What is away was reserved by a price that its ledger has.

    Args:
        checked: the plan, as it is today.
        open_chunks: of the study's ledger.
        options: what the user chose.
        until: when the approval ends; None where it does not.

    Raises:
        CannotSend: none can be, though that is asked for; or at a price that no one approved.
    """
    verified, cached = checked.verified, set[str]()
    models = dict(verified.models)
    away = {each.model for each in open_chunks}
    wanted = models.keys() if options.batch else away | options.batched
    for name, offer in _find_offers(verified, wanted, away):
        chosen = name in away | options.batched
        if not chosen and prefers_calls(verified, name, offer, checked.plan.strata):
            cached.add(name)
        else:
            models[name] = price_as_batch(models[name], offer, datetime.now(UTC), until)
    known = {name for name, model in models.items() if model.offer.is_batch}
    for note in open_chunks:
        if note.price is not None and note.model in models.keys() - known:
            models[note.model] = price_as_reserved(models[note.model], note.price)
    batched = frozenset(name for name, model in models.items() if model.offer.is_batch)
    if lost := away - batched:
        names = ", ".join(sorted(lost))
        raise CannotSend(
            f"{names}: batches of an earlier version are away, and their price is not known any "
            "more, or is above that of calls; nothing was sent. Put the price back by which they "
            "were sent, and run it again"
        )
    if options.batch and not batched:
        if cached:
            names = ", ".join(str(models[name].name) for name in sorted(cached))
            raise CannotSend(
                f"--batch: calls of {names}, which read cached prompts, likely cost less than "
                "batches; nothing was sent. Run it without --batch"
            )
        names = ", ".join(str(model.name) for model in models.values())
        raise CannotSend(
            f"--batch: no price in batches is known for {names}; nothing was sent. Run it without "
            "--batch, or set the price that the provider names in afcost.prices.yaml"
        )
    return ChosenBatches(models, batched, batched - known, frozenset(cached))


def _find_offers(
    verified: VerifiedPlan, wanted: Collection[str], away: Collection[str]
) -> Iterator[tuple[str, Offer]]:
    """Yield models that are planned as calls, with today's offers of their batches.

    Raises:
        CannotSend: one is too far below what was approved.
    """
    for name, model in verified.models.items():
        offer = None
        if name in wanted and not model.offer.is_batch:
            offer = batch_offer(verified, name)
        if offer is None:
            continue
        if not is_far_below(model, offer, verified.book.day):
            yield name, offer
        elif name not in away:  # what is away is collected at its own price
            raise CannotSend(
                f"{model.name}: its price in batches is below a quarter of the price of calls that "
                "was approved; nothing was sent. Plan it with `afcost estimate --batch`, and "
                "approve that"
            )


def name_worker(verified: VerifiedPlan, location: Location, options: RunOptions) -> str:
    """Return the name under which a process writes: one with batches says so to all others.

    Args:
        verified: the plan as it is today.
        location: of the study's ledger.
        options: what the user chose.

    Raises:
        LedgerError: the ledger cannot be read.
    """
    if options.worker or options.conduct is not None or not location.is_shared:
        return options.worker
    planned = any(model.offer.is_batch for model in verified.models.values())
    if options.batch or options.batched or planned or _has_batches_away(location):
        return f"{BATCH_MARK}{secrets.token_hex(8)}"
    return ""


def _has_batches_away(location: Location) -> bool:
    if not ledger_exists(location):
        return False
    with read_ledger(location) as reader:
        return bool(reader.open_chunks())


def _refuse_other_runs(verified: VerifiedPlan, ledger: Ledger, options: RunOptions) -> None:
    """Refuse batches in runs whose next step waits for each answer, or has several processes.

    Raises:
        CannotSend: it is one.
    """
    why, then, is_shared = "", "", ledger.is_shared and not ledger.worker.startswith(BATCH_MARK)
    if options.conduct is not None or is_shared:
        why, then = "several processes", "Run it with one, without --workers"
    elif options.set_course is not None:
        why = "a pilot, which waits for each block of its answers"
        then = (
            "Pilot a plan of calls, without `batch: yes` and --batch: its answers count in a plan "
            "of batches, too. What is away is collected by  afcost run"
        )
    elif verified.experiment.spec.sequential is not None:
        why = "a sequential test, whose looks wait for each block"
        then = "Plan it without `sequential`"
    if why:
        raise CannotSend(f"batches do not go with {why}; nothing was sent. {then}")


def refuse_other_batches(ledger: Ledger, work: str, plan_file: str) -> None:
    """Refuse to go on with another plan while batches of an earlier one are away.

    Args:
        ledger: of the study.
        work: the digest of the work of the plan that is to be run.
        plan_file: of the plan that was run last, as far as it is known.

    Raises:
        BadRun: some are.
    """
    others = [each for each in ledger.open_chunks() if each.work != work]
    if others:
        requests = sum(each.lines for each in others)
        raise BadRun(
            f"batches of an earlier plan of this study are away: {len(others)}, with {requests:,} "
            f"requests; nothing was sent. Collect them first:  {_name_collector(plan_file)}"
        )


def _name_collector(plan_file: str) -> str:
    """Return the command that sent what is away."""
    judged = Path(plan_file).parent.parent
    if judged.name == _REJUDGE_FOLDER:
        return f"afcost rejudge {shlex.quote(str(judged.parent))} --judge FILE, as before"
    return f"afcost run {shlex.quote(plan_file) if plan_file else 'PLAN'}"


def set_batch_course(
    work: OpenWork,
    chosen: ChosenBatches,
    options: RunOptions,
    watch: ApprovalEnd,
    risen: str = "",
) -> BatchCourse:
    """Return what has models asked in batches.

    Args:
        work: of the plan, with its ledger.
        chosen: those models.
        options: what the user chose.
        watch: of the approval.
        risen: why nothing is sent, but only collected; empty where it is.
    """

    def open_transport() -> AbstractAsyncContextManager[BatchTransport]:
        return BatchClient(
            work.providers,
            capabilities={model.name: model.capability for model in work.models.values()},
        )

    return BatchCourse(
        BatchWork(
            requests=work.requests,
            seed=work.seed,
            ledger=work.ledger,
            models=work.models,
            batched=chosen.batched,
            unpriced=chosen.unpriced,
            collects_only=risen,
            providers=work.providers,
            folder=work.run.path,
            work=describe_work(work.plan).digest,
            labels={"afcost_plan": work.plan.digest[:32], "afcost_study": work.plan.study[:100]},
            open_transport=open_transport,
            may_begin=lambda: watch.until is None or datetime.now(UTC) < watch.until,
            answered_only=options.answered_only,
            waits=options.waits,
            poll=options.poll,
        )
    )
