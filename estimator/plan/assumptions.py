"""Assumptions and warnings: what an estimate is based on, in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from estimator.counting import Exactness, describe_added_fields
from estimator.forecast import OutputLength, ReadShare
from estimator.workload import (
    PlannedModel,
    SentUse,
    StratumKey,
    StratumTally,
    describe_uses,
    list_batch_notes,
)
from experiment.definition import Experiment, ExperimentSpec, describe_data_set, list_uses
from pricing.catalog import ModelName
from providers.capabilities import cite, find_reasoning
from providers.registry import describe_unsent, load_providers


def list_assumptions(
    experiment: Experiment,
    models: dict[str, PlannedModel],
    lengths: dict[StratumKey, OutputLength],
    sent: Sequence[SentUse],
) -> Iterator[str]:
    """Yield what an estimate assumes about lengths, sent fields, counts and judges.

    Args:
        experiment: what is estimated.
        models: written name -> planned model.
        lengths: stratum -> expected output of one request.
        sent: what each use of a model sends.
    """
    if experiment.spec.queries.dataset:
        queries, source = len(experiment.queries), describe_data_set(experiment.spec.queries)
        yield f"queries: {queries:,} of the {source}, from the Hugging Face hub"
    for length in lengths.values():
        yield f"output of {length.kind}s ({length.basis}): {length.source}"
    yield from list_changes(experiment, models, sent)
    yield from list_joint_votes(experiment.spec, models)
    yield from list_batch_notes(experiment, models)
    for written in dict.fromkeys(each.model for each in sent if each.has_prefill):
        yield f"{models[written].name}: it continues from the prefill, counted as an open turn"
    for model in models.values():
        family, tokenizer = model.family, model.tokenizer
        if tokenizer.exactness is not Exactness.EXACT:
            yield f"input of {model.name} is {tokenizer.exactness}: {tokenizer.error}"
        if family.note and not model.counting.source:
            yield f"input of {model.name}: {family.note}"
    yield from _list_added_fields(experiment, models)
    if turns := describe_turns(experiment.spec):
        yield f"answers: {turns}"
    for judge in experiment.spec.judges:
        yield f"judge {judge.name}: its prompts are counted, the answers in them are forecast"


def describe_turns(spec: ExperimentSpec) -> str:
    """Return on how many turns of an answer the figures rest; empty where it has only one."""
    if spec.answer.turns == 1:
        return ""
    return (
        "likely costs and ranges count one turn of each answer, as nothing says how many it takes; "
        f"the ceiling counts all {spec.answer.turns}. A further turn, of an answer without its "
        "output tag, is paid like the first, with what was written before"
    )


def list_read_shares(
    spec: ExperimentSpec,
    tallies: Mapping[StratumKey, StratumTally],
    shares: Mapping[StratumKey, ReadShare],
) -> Iterator[str]:
    """Yield how many answers each judge is expected to read that does not read all of them.

    Args:
        spec: of the experiment.
        tallies: stratum -> what was counted.
        shares: stratum -> the share that a judge reads of the answers that decide it.
    """
    for judge in spec.judges:
        if judge.when == "always":
            continue
        strata = {key: tally for key, tally in tallies.items() if key.stage == judge.name}
        most, depending = (
            (
                sum(each) // judge.samples
                for each in zip(*((t.requests, t.depending) for t in strata.values()), strict=True)
            )
            if strata
            else (0, 0)
        )
        said = f"judge {judge.name}, `when: {judge.when}`: reads at most {most:,} answers"
        sources = dict.fromkeys(shares[key].source for key in strata if key in shares)
        yield said + "".join(
            f"; {depending:,} of them only where what they say fits: {source}" for source in sources
        )


def list_changes(
    experiment: Experiment, models: Mapping[str, PlannedModel], sent: Sequence[SentUse]
) -> Iterator[str]:
    """Yield how what is sent differs from what the experiment writes, once for each change.

    Models with the same change are listed together, so the sources are not; `SentUse` has them.
    Stages and conditions are named where others of the model do not have the change.
    """
    every = [condition.name for condition in experiment.conditions()]
    uses: dict[str, dict[str, list[tuple[str, str]]]] = {}
    for each in sent:
        source = cite(models[each.model].capability)
        for change in (text.replace(source, "") for text in each.changes):
            found = uses.setdefault(change, {}).setdefault(each.model, [])
            found += [(each.stage, name) for name in each.conditions or every]
    over = (each for each in models.values() if each.capability.endpoint == "responses")
    if responses := [str(each.name) for each in over]:
        yield f"{', '.join(responses)}: asked over the Responses API"
    stages = Counter((each.model, each.stage) for each in sent)
    for change, by_model in uses.items():
        places: dict[str, list[str]] = {}
        for written, where in by_model.items():
            complete = len(where) == len(every) * sum(model == written for model, _ in stages)
            place = "" if complete else f" ({describe_uses(where, len(every))})"
            places.setdefault(place, []).append(str(models[written].name))
        for place, names in places.items():
            yield f"{', '.join(names)}{place}: {change}"


def list_joint_votes(spec: ExperimentSpec, models: Mapping[str, PlannedModel]) -> Iterator[str]:
    """Yield each judge of which one request asks for several votes.

    Args:
        spec: of the experiment.
        models: written name -> planned model.
    """
    judges = {judge.name: judge for judge in spec.judges if judge.one_request}
    most: dict[str, int] = {}
    for use in list_uses(spec):
        if use.stage in judges:
            model = models[use.model]
            most[use.stage] = model.count_choices(model.choose_sampling(use.sampling))
    for name, choices in most.items():
        votes = judges[name].samples
        if together := min(votes, choices) if votes > 1 < choices else 0:
            how = "in one request" if together == votes else f"up to {together} in a request"
            yield (
                f"judge {name}: its {votes} votes on an answer are asked for {how} (n), whose "
                "prompt is billed once"
            )


def _list_added_fields(experiment: Experiment, models: Mapping[str, PlannedModel]) -> Iterator[str]:
    """Yield which uses have fields that add to their prompts, each once."""
    uses = (
        (use.stage, use.model, models[use.model].choose_sampling(use.sampling))
        for use in list_uses(experiment.spec)
    )
    found = ((stage, model, describe_added_fields(sent)) for stage, model, sent in uses)
    for stage, model, added in dict.fromkeys(found):
        if added:
            yield f"input of {stage} {model}: {added}"


def list_warnings(models: dict[str, PlannedModel]) -> list[str]:
    """List the models whose context window is unknown."""
    return [
        f"the context window of {model.name} is unknown and was not checked"
        for model in models.values()
        if model.window is None
    ]


def warn_of_unsent_models(
    experiment: Experiment, models: Mapping[str, PlannedModel]
) -> Iterator[str]:
    """Yield each provider that is priced and never sent a request, and the mend."""
    providers = load_providers(experiment.spec.providers)
    planned: dict[str, list[ModelName]] = {}
    for model in models.values():
        planned.setdefault(model.name.provider, []).append(model.name)
    for provider, names in planned.items():
        if providers[provider].kind == "none":
            yield describe_unsent(providers[provider], names)


def warn_of_unbounded_reasoning(
    experiment: Experiment, models: Mapping[str, PlannedModel]
) -> Iterator[str]:
    """Yield each model that may reason beyond `max_tokens`, on which its ceiling rests."""
    written = {
        use.model: None
        for use in list_uses(experiment.spec)
        if not models[use.model].capability.limit_bounds_reasoning
        and find_reasoning(models[use.model].capability, use.sampling).on is not False
    }
    yield from warn_of_unbounded_models(models[each] for each in written)


def warn_of_unbounded_models(models: Iterable[PlannedModel]) -> Iterator[str]:
    """Yield models that may reason beyond `max_tokens`."""
    for model in models:
        yield (
            f"max_tokens does not limit the reasoning of {model.name}{cite(model.capability)}: an "
            "answer may cost more than its ceiling; the first that does is booked in full and ends "
            "the run"
        )
