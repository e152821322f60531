"""Make an experiment's estimate and its plan: the one call behind `afcost estimate`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import partial

from estimator.caching import choose_caching, list_caching_notes
from estimator.count_cache import bypass_cached_counts, flush_default_cache
from estimator.counting import Exactness
from estimator.forecast import (
    CallsByStratum,
    History,
    MeasuredCalls,
    find_measured_calls,
    forecast_cost,
    forecast_output_lengths,
    forecast_read_shares,
    list_history_warnings,
)
from estimator.plan.assumptions import (
    list_assumptions,
    list_read_shares,
    list_warnings,
    warn_of_unbounded_reasoning,
    warn_of_unsent_models,
)
from estimator.plan.idle_levels import list_idle_levels
from estimator.plan.limit_warnings import list_limit_warnings
from estimator.plan.plan import Plan
from estimator.plan.price_notes import (
    list_price_notes,
    list_price_warnings,
    refuse_unpriced_searches,
)
from estimator.plan.reasoning_notes import list_reasoning_notes, list_unreasoned_conflicts
from estimator.plan.request_prices import RequestCallback, make_pricing_callback
from estimator.plan.template_warnings import find_template_warnings
from estimator.trusted_folders import user_trust
from estimator.workload import (
    CountedRequest,
    PlannedModel,
    ProgressCallback,
    SentUse,
    StratumKey,
    Workload,
    describe_price_file,
    digest_files,
    list_sent_uses,
    list_trusted_folders,
    load_price_book,
    load_workload,
    resolve_models,
    save_workload,
)
from experiment.definition import Experiment, Overrides, is_builtin, load_experiment
from pricing.price_book import PriceBook


@dataclass(frozen=True, slots=True)
class EstimateOptions:
    """How an experiment is estimated.

    Attributes:
        run_date: the day of the run, whose prices apply; None for today.
        cache: take `cache: auto` as written in the experiment file.
        count: `local` counts on this machine; `provider` asks the models' providers where they
            count for free; `auto` asks only built-in ones whose tokenizer is not public, if their
            key is set.
        use_cache: use the cached counts of earlier estimates.
        study: the study that the plan belongs to; None for the experiment's own.
        allow_download: download the tokenizers that the experiment file names.
        trusted: `PROVIDER=VARIABLE`, for each key that may go to another provider's count endpoint
            than a built-in one's.
        trust_overrides: take tokenizers in the overrides for the user's word.
    """

    run_date: date | None = None
    cache: bool = False
    count: str = "local"
    use_cache: bool = True
    study: str | None = None
    allow_download: bool = False
    trusted: tuple[str, ...] = ()
    trust_overrides: bool = True


@dataclass(frozen=True, slots=True)
class Estimate:
    """A plan with its experiment, its price book, the date of the run, and what requests send."""

    plan: Plan
    experiment: Experiment
    book: PriceBook
    run_date: date
    sent: tuple[SentUse, ...] = ()


def estimate_experiment(  # noqa: PLR0913 - what, how, and two callbacks
    source: str,
    day: date,
    overrides: Overrides = Overrides(),
    options: EstimateOptions = EstimateOptions(),
    *,
    history: History | None = None,
    own: Mapping[StratumKey, MeasuredCalls] | None = None,
    on_request: RequestCallback | None = None,
    on_progress: ProgressCallback = lambda *_: None,
) -> Estimate:
    """Load an experiment, price and count its requests, forecast its cost, and plan it.

    Args:
        source: path of an experiment file, or `builtin:NAME`.
        day: today; prices as known by then.
        overrides: what the command line changes in the experiment.
        options: how it is estimated.
        history: billed usage to base the forecast on, in the strata that it covers.
        own: stratum -> the study's own answers, which are not paid again; in the strata that they
            cover they take precedence over the history.
        on_request: called with every request as it is counted.
        on_progress: called now and then with what is being done, how much is done, and the total.

    Raises:
        ExperimentError, PricingError, EstimatorError, NotTaken: before anything is sent or written.
    """
    run_date = options.run_date or day
    trust = user_trust(downloads=options.allow_download, overrides=options.trust_overrides)
    experiment = load_experiment(source, overrides, trust)
    book = load_price_book(day, experiment)
    models = resolve_models(experiment, book, run_date)
    refuse_unpriced_searches(models, run_date, describe_price_file(experiment))
    sent = list_sent_uses(experiment, models)
    with bypass_cached_counts(enabled=not options.use_cache):
        models, count_warnings = _choose_counts(experiment, models, options, on_progress)
        calls = find_measured_calls(experiment, models, history, own)
        lengths = forecast_output_lengths(experiment, models, calls)
        caching = choose_caching(experiment, models, lengths, book, is_asked=options.cache)
        models = caching.models
        price_each = on_request and make_pricing_callback(on_request, lengths, models, history)
        workload = _count_requests(experiment, models, options, price_each, on_progress)
    shares = forecast_read_shares(experiment, models, workload.tallies, history)
    measured = CallsByStratum(calls, len(experiment.queries))
    forecast = forecast_cost(workload.tallies, lengths, models, shares, measured)
    files = digest_files(experiment, workload)
    plan = Plan(
        name=experiment.name,
        source=_absolute_source(experiment),
        changes=overrides,
        files=files,
        requests=workload.digest,
        models=models,
        strata=forecast.strata,
        groups=forecast.groups,
        total=forecast.total,
        # A model may be written in two ways.
        assumptions=tuple(
            dict.fromkeys(
                [
                    *list_assumptions(experiment, models, lengths, sent),
                    *list_read_shares(experiment.spec, workload.tallies, shares),
                    *list_reasoning_notes(experiment.spec, models),
                    *list_price_notes(models, day, run_date),
                    *list_caching_notes(caching, forecast.strata),
                    *_list_sequential(experiment),
                ]
            )
        ),
        warnings=tuple(
            dict.fromkeys(
                [
                    *count_warnings,
                    *list_warnings(models),
                    *warn_of_unsent_models(experiment, models),
                    *list_unreasoned_conflicts(experiment.spec, models),
                    *find_template_warnings(experiment, use_cache=options.use_cache),
                    *list_idle_levels(experiment, models, sent),
                    *list_history_warnings(experiment, calls, history),
                    *list_limit_warnings(experiment.spec, models, lengths, calls),
                    *warn_of_unbounded_reasoning(experiment, models),
                    *list_price_warnings(models, book, run_date),
                ]
            )
        ),
        study=options.study or experiment.study,
        trusted_folders=list_trusted_folders(experiment, files),
    )
    return Estimate(plan, experiment, book, run_date, tuple(sent))


def _choose_counts(
    experiment: Experiment,
    models: dict[str, PlannedModel],
    options: EstimateOptions,
    on_progress: ProgressCallback,
) -> tuple[dict[str, PlannedModel], list[str]]:
    """Return the models with where their prompts are counted, and warnings."""
    counted = (models[written].tokenizer.exactness for written in experiment.spec.models)
    unasked = options.count == "auto" and Exactness.APPROXIMATE not in counted
    if options.count == "local" or unasked:
        return models, []
    from estimator.workload import (  # noqa: PLC0415 - imports what speaks to providers
        with_provider_counts,
    )

    return with_provider_counts(experiment, models, options.count, on_progress, options.trusted)


def _count_requests(
    experiment: Experiment,
    models: dict[str, PlannedModel],
    options: EstimateOptions,
    on_request: Callable[[CountedRequest], None] | None,
    on_progress: ProgressCallback,
) -> Workload:
    """Return the cached workload of an unchanged experiment; otherwise count every request."""
    if options.use_cache and on_request is None:
        cached = load_workload(experiment, models)
        if cached is not None:
            return cached
    from estimator.survey import survey_experiment  # noqa: PLC0415 - most counts are cached

    workload = survey_experiment(experiment, models, on_request, partial(on_progress, "counting"))
    if options.use_cache:
        save_workload(experiment, models, workload)
    flush_default_cache()
    return workload


def _list_sequential(experiment: Experiment) -> list[str]:
    """Say what a sequential test does and may save, where there is one."""
    if experiment.spec.sequential is None:
        return []
    from experiment.analysis.sequential import describe_sequential  # noqa: PLC0415 - loads numpy

    said = describe_sequential(experiment.spec, len(experiment.queries))
    return [said] if said else []


def _absolute_source(experiment: Experiment) -> str:
    """Return the source of an experiment, valid in any working directory."""
    if is_builtin(experiment.source):
        return experiment.source
    return str(experiment.path.resolve())
