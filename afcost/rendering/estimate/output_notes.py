"""What the output figures of an estimate rest on, and how wide that makes its range."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from afcost.rendering import console as draw
from estimator.forecast import Stratum
from estimator.plan import Plan
from experiment.definition import SUBJECT

if TYPE_CHECKING:  # an experiment's estimate needs nothing of it
    from estimator.recorded import ProgramPlan

_BASES = {
    "assumed": "~assumed in the experiment file",
    "history": "~forecast from earlier bills",
    "pilot": "~forecast from this study's answers, which are not paid again",
    "prior": "~prior (wide range; narrow it with afcost pilot or --history)",
}
_MEASURED = ("history", "pilot")


def list_uncertainty(plan: Plan) -> list[str]:
    """List what the output figures rest on, and how wide the total's range is."""
    found = [("out", basis) for basis in _list_bases(plan)]
    found += [("out", _describe_heavy_tails(plan)), ("range", describe_range(plan))]
    return [f"{name}: {said}" for name, said in found if said]


def _list_bases(plan: Plan) -> list[str]:
    """Say where the output figures come from, and of what is not measured how wide its range is."""
    lines = []
    for basis, said in _BASES.items():
        strata = [stratum for stratum in plan.strata if stratum.basis == basis]
        if not strata:
            continue
        measured = f": {_describe_measured(strata)}" if basis in _MEASURED else ""
        low, high = (sum(getattr(each.output, q) for each in strata) for q in ("q05", "q95"))
        tokens = f"{draw.format_tokens(low)} – {draw.format_tokens(high)} tokens"
        lines.append(f"{said}{measured}" if measured else f"{said}: {tokens}")
    return lines


def _describe_measured(strata: list[Stratum]) -> str:
    """Say which calls a forecast rests on; of a study's own, how many of each stratum there are."""
    own = [each.own_answers for each in strata if each.own_answers is not None]
    if len(own) < len(strata):
        return _list_shortly(dict.fromkeys(each.source for each in strata))
    fewest, most = min(own), max(own)
    number = draw.format_count(most, "call", "calls")
    return (
        f"{f'{fewest:,} to ' if fewest < most else ''}{number} of each stage, model and condition"
    )


def _list_shortly(names: Iterable[str]) -> str:
    """Return the first name, and how many others there are."""
    first, *others = names
    return first + (f", and {draw.format_count(len(others), 'other', 'others')}" if others else "")


def describe_range(plan: Plan | ProgramPlan) -> str:
    """Say how wide the total's range is, and which stratum makes most of it."""
    total = plan.total
    if total.q25 is None or total.q75 is None or total.q025 is None or total.q975 is None:
        return ""
    said = (
        f"50% {draw.format_dollars(total.q25)} – {draw.format_dollars(total.q75)}, "
        f"95% {draw.format_dollars(total.q025)} – {draw.format_dollars(total.q975)}"
    )
    known = [each for each in plan.strata if each.variance_share is not None]
    if len(known) > 1:
        most = max(known, key=lambda each: each.variance_share or 0.0)
        said += f"; {most.variance_share:.0%} of the variance: {_name_stratum(plan, most)}"
    return said


def _describe_heavy_tails(plan: Plan) -> str:
    """Say whose measured lengths have a heavy tail, so that few answers make much of the cost."""
    heavy = [_name_stratum(plan, each) for each in plan.strata if each.is_heavy_tailed]
    return f"a few answers are very long: {_list_shortly(heavy)}" if heavy else ""


def _name_stratum(plan: Plan | ProgramPlan, stratum: Stratum) -> str:
    """Return a stratum in words: a judge by its name, a model where its stage has several."""
    models = {each.model for each in plan.strata if each.stage == stratum.stage}
    stage = [] if stratum.stage == SUBJECT else [stratum.stage]
    model = [str(plan.models[stratum.model].name)] if len(models) > 1 else []
    return " ".join(filter(None, [*stage, *model, stratum.condition]))
