"""Make the estimate of a program's recorded calls: the one call behind `afcost estimate -- …`."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

from estimator.caching import PromptPrefix, find_common_prefix
from estimator.comparison import Quote, quote_strata
from estimator.counting import Exactness
from estimator.errors import BadRecording
from estimator.forecast import CallsByStratum, Forecast, Stratum, forecast_cost
from estimator.plan import (
    list_price_notes,
    list_price_warnings,
    list_warnings,
    warn_of_unbounded_models,
)
from estimator.recorded.call_lengths import find_length, find_measured, find_query
from estimator.recorded.call_strata import StratifiedCall, stratify_calls
from estimator.recorded.call_tallies import CountedCall, tally_calls
from estimator.recorded.client_models import plan_client_model
from estimator.recorded.program_plan import ProgramPlan
from estimator.recorded.read_calls import ReadCall, read_calls
from estimator.recorded.recorded_call import Recording
from estimator.workload import PlannedModel, StratumKey, StratumTally
from pricing.errors import PricingError
from pricing.price_book import PriceBook
from providers.provider import Provider
from providers.secrets import redact_message


@dataclass(frozen=True, slots=True)
class ProgramOptions:
    """How recorded calls are estimated.

    Attributes:
        study: the name of the program.
        book: the prices.
        providers: where a program may send to, by name.
        run_date: the day whose prices apply.
        replaced: model as the program writes it, as `provider/model` -> the one that takes its
            place; the name "" is for all that are asked what has no answers in it.
        default_limit: output tokens of a call that says no limit; None for the model's largest.
        prices: the user's own, as `--price` writes them, which are in the book.
    """

    study: str
    book: PriceBook
    providers: Mapping[str, Provider]
    run_date: date
    replaced: Mapping[str, str] = field(default_factory=dict)
    default_limit: int | None = None
    prices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ProgramEstimate:
    """What a program's calls cost.

    Attributes:
        plan: that can be approved.
        quotes: model -> what its calls cost at each provider, cheapest first.
        calls: each of them as it was counted, in order of arrival.
        day: on which the prices were known.
    """

    plan: ProgramPlan
    quotes: Mapping[str, Sequence[Quote]]
    calls: Sequence[CountedCall]
    day: date


def estimate_recording(recording: Recording, options: ProgramOptions) -> ProgramEstimate:
    """Estimate what recorded calls cost.

    Args:
        recording: of a rehearsal, or of a log.
        options: how.

    Raises:
        BadRecording: it has no call that can be priced.
        NoPrice: none of its models has a price.
        BadRecording: a model is to be replaced that no call asks.
    """
    read, stages, problems = read_calls(recording)
    planned, unpriced = _plan_models(read, options)
    calls, unlimited = stratify_calls(
        [each for each in read if each.model in planned], planned, options.default_limit
    )
    problems += [*unpriced, *unlimited]
    if not calls:
        raise BadRecording("\n".join(["no call was recorded that can be priced", *problems]))
    tallies, counted = tally_calls(calls, planned)
    models = {each.name.written: each for each in planned.values()}
    forecast = _forecast(calls, tallies, models)
    strata = tuple(_with_exactness(each, tallies[each.key], models) for each in forecast.strata)
    plan = ProgramPlan(
        study=options.study,
        command=tuple(map(redact_message, recording.command)),
        recording="",
        default_limit=options.default_limit,
        prices=options.prices,
        models=models,
        stages=tuple(stages),
        strata=strata,
        groups=forecast.groups,
        total=forecast.total,
        assumptions=tuple(list_price_notes(models, options.book.day, options.run_date)),
        warnings=tuple(_list_warnings(models, calls, counted, options)),
        problems=tuple(problems),
    )
    return ProgramEstimate(plan, _quote(plan, calls, options), counted, options.book.day)


def _forecast(
    calls: Sequence[StratifiedCall],
    tallies: dict[StratumKey, StratumTally],
    models: dict[str, PlannedModel],
) -> Forecast:
    """Forecast what counted calls cost, by what was billed for them where that is known."""
    groups: defaultdict[StratumKey, list[StratifiedCall]] = defaultdict(list)
    for each in calls:
        groups[each.key].append(each)
    numbers = {text: n for n, text in enumerate(dict.fromkeys(map(find_query, calls)))}
    measured = {key: find_measured(group, models[key.model], numbers)
                for key, group in groups.items()}  # fmt: skip
    known = {key: each for key, each in measured.items() if each is not None}
    lengths = {key: find_length(group, models[key.model], known.get(key))
               for key, group in groups.items()}  # fmt: skip
    return forecast_cost(tallies, lengths, models, {}, CallsByStratum(known, len(numbers)))


def _plan_models(
    calls: Sequence[ReadCall], options: ProgramOptions
) -> tuple[dict[str, PlannedModel], list[str]]:
    """Return each model that calls ask -> the one that is planned, and what has no price."""
    named = dict.fromkeys(each.model for each in calls)
    known = {key for name in named for key in ("", name, name.partition("/")[2])}
    if unknown := [each for each in options.replaced if each not in known]:
        raise BadRecording(f"no call asks {unknown[0]}; models: {', '.join(named) or 'none'}")
    plain = {each.model for each in calls if not each.reads}
    planned, problems, failed = dict[str, PlannedModel](), [], list[PricingError]()
    for name in named:
        others = options.replaced.get("") if name in plain else None
        given = options.replaced.get(name, options.replaced.get(name.partition("/")[2])) or others
        try:
            wanted = str(options.book.resolve_name(given, options.providers)) if given else name
            planned[name] = plan_client_model(
                wanted, options.book, options.providers, options.run_date
            )
        except PricingError as error:
            failed.append(error)
            count = sum(each.model == name for each in calls)
            problems.append(f"not counted, {count:,} calls of {name}: {error}")
    if failed and not planned:
        raise failed[0]
    return planned, problems


def _with_exactness(
    stratum: Stratum, tally: StratumTally, models: Mapping[str, PlannedModel]
) -> Stratum:
    """Return a stratum that says whether its input is exact: of calls that read no answers."""
    is_known = not tally.judged_answers and not tally.adds_fields
    own = models[stratum.model].tokenizer.exactness
    return replace(stratum, exactness=(own if is_known else Exactness.APPROXIMATE).value)


def _list_warnings(
    models: dict[str, PlannedModel],
    calls: Sequence[StratifiedCall],
    counted: Sequence[CountedCall],
    options: ProgramOptions,
) -> list[str]:
    too_long = Counter[str]()
    for each, count in zip(calls, counted, strict=True):
        window = models[count.key.model].window
        limit = each.asked.limit // each.asked.choices
        if window is not None and count.bound + limit > window:
            too_long[f"{count.key.stage}, {models[count.key.model].name}"] += 1
    unbounded = (each for each in models.values() if not each.capability.limit_bounds_reasoning)
    return [
        *(f"{where}: {count:,} calls may exceed the context window"
          for where, count in too_long.items()),
        *list_warnings(models),
        *warn_of_unbounded_models(unbounded),
        *list_price_warnings(models, options.book, options.run_date),
    ]  # fmt: skip


def _quote(
    plan: ProgramPlan, calls: Sequence[StratifiedCall], options: ProgramOptions
) -> dict[str, list[Quote]]:
    """Return what each model's calls cost at every provider, and with shared prefixes cached."""
    found = {}
    for name, model in plan.models.items():
        shared = Counter[PromptPrefix]()
        for key in {each.key for each in calls if each.key.model == name}:
            prompts = [each.read.call.messages for each in calls if each.key == key]
            prefix = find_common_prefix(min(prompts), max(prompts))
            shared[prefix] += len(prompts)
        strata = [each for each in plan.strata if each.model == name]
        found[name] = quote_strata(strata, model, shared, options.book, options.run_date)
    return found
