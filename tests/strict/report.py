"""The campaign's report: totals for each provider, every disagreement with its source, and
what afcost claims beyond the rules.

    python -m tests.strict.report                  # everything; takes a minute or two
    python -m tests.strict.report openai x-ai      # some providers
    python -m tests.strict.report --model claude   # models whose alias holds a word
    python -m tests.strict.report --fields         # with other sampling fields, not with reasoning

A disagreement is a request that afcost would send and the rules refuse, or a level that the rules
have for a model and afcost refuses. Each names the rule's source, so that it can be settled.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence

from tests.strict.asked_reasoning import read_path
from tests.strict.campaign import (
    ABSENT,
    ACCEPTED,
    FIELDS,
    PLAIN,
    REFUSED,
    SENT,
    VARIANTS,
    Result,
    has_level,
    list_pairs,
    run_campaign,
    wire_id,
)
from tests.strict.checks import Fault
from tests.strict.rulebook import load_rulebooks

_STATUSES = (ACCEPTED, ABSENT, REFUSED, SENT)
_MOST_SAID = 300  # characters


def format_totals(results: Iterable[Result]) -> Iterator[str]:
    """Yield a table: provider, requests, and how many had each status."""
    by_provider: dict[str, Counter[str]] = defaultdict(Counter)
    for result in results:
        by_provider[result.pair.provider][result.status] += 1
        by_provider["all"][result.status] += 1
    yield f"{'provider':12}{'requests':>10}" + "".join(f"{name:>17}" for name in _STATUSES)
    for provider, counts in sorted(by_provider.items(), key=lambda item: item[0] == "all"):
        cells = "".join(f"{counts[name]:>17,}" for name in _STATUSES)
        yield f"{provider:12}{counts.total():>10,}{cells}"
    yield f"refused though the level exists: {share_refused(by_provider['all']):.1%}"


def share_refused(counts: Counter[str]) -> float:
    """Return the share of refusals by afcost among the requests whose level exists."""
    existing = counts.total() - counts[ABSENT]
    return counts[REFUSED] / existing if existing else 0.0


def format_disagreements(results: Sequence[Result]) -> Iterator[str]:
    """Yield every disagreement once, with the models and variants that show it."""
    yield from _format_sent(results)
    yield from _format_refused(results)


def format_unclaimed(results: Iterable[Result]) -> Iterator[str]:
    """Yield the levels that afcost sends and the rules accept, but claim for no such model.

    They are no faults: a host may accept what its model does not have. They say where afcost's own
    record claims more than the sources of the rules do.
    """
    grouped: dict[tuple[str, str], list[str]] = defaultdict(list)
    for result in results:
        level = result.variant not in PLAIN and result.variant not in FIELDS
        if result.status == ACCEPTED and level and not has_level(result.pair, result.variant):
            grouped[result.pair.provider, result.variant].append(result.pair.id)
    for (provider, variant), models in sorted(grouped.items()):
        yield f"{provider}: accepted, not claimed: {variant}: {_list_once(models)}"


def _format_sent(results: Iterable[Result]) -> Iterator[str]:
    """Yield what afcost sends and the rules refuse, by provider and rule."""
    grouped: dict[tuple[str, Fault], list[Result]] = defaultdict(list)
    for result in results:
        for fault in result.faults:
            grouped[result.pair.provider, fault].append(result)
    for (provider, fault), shown in sorted(grouped.items(), key=str):
        yield f"{provider}: sent, refused: {fault.message}"
        values = (_show_value(result, fault) for result in shown)
        yield f"    sent:   {_list_once(values)}"
        yield f"    in:     {_list_once(result.variant for result in shown)}"
        yield f"    models: {_list_once(result.pair.id for result in shown)}"
        yield f"    source: {fault.source}"


def _format_refused(results: Iterable[Result]) -> Iterator[str]:
    """Yield what afcost refuses although the rules have it, by model."""
    grouped: dict[tuple[str, str, str], list[Result]] = defaultdict(list)
    for result in results:
        if result.status == REFUSED:
            said = " ".join(result.said.split())[:_MOST_SAID]
            grouped[result.pair.provider, result.pair.id, said].append(result)
    for (provider, model, said), shown in sorted(grouped.items()):
        rule, source = _explain_levels(shown[0])
        yield f"{provider}/{model}: refused: {said}"
        yield f"    in:     {_list_once(result.variant for result in shown)}"
        yield f"    rule:   {rule}"
        yield f"    source: {source}"


def _show_value(result: Result, fault: Fault) -> str:
    if fault.field == "prefill":
        return "a final assistant message"
    return json.dumps(read_path(result.sent, fault.field), ensure_ascii=False)


def _list_once(values: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(values))


def _explain_levels(result: Result) -> tuple[str, str]:
    book = load_rulebooks()[result.pair.provider]
    rules = book.rules_for(wire_id(result.pair))
    rule = next((each for each in rules if each.levels is not None), None)
    if rule is None or result.variant in PLAIN:
        return "every model takes the plain experiment", f"rules/{result.pair.provider}.yaml"
    return f"it has {', '.join(rule.levels or ())}", rule.source


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the report."""
    parser = argparse.ArgumentParser(description="hold what afcost sends against the strict rules")
    parser.add_argument("providers", nargs="*", help="only these")
    parser.add_argument("--model", default="", help="only aliases that hold this word")
    parser.add_argument("--fields", action="store_true", help="other sampling fields instead")
    options = parser.parse_args(arguments)
    pairs = [
        pair
        for pair in list_pairs()
        if options.model in pair.alias
        and (not options.providers or pair.provider in options.providers)
    ]
    results = run_campaign(pairs, tuple(FIELDS) if options.fields else VARIANTS)
    lines = (*format_disagreements(results), "", *format_unclaimed(results))
    for line in (*format_totals(results), "", *lines):
        print(line)  # noqa: T201 - for people


if __name__ == "__main__":
    main()
