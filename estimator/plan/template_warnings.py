"""Warnings of what the queries and the templates of an experiment say twice, or not at all.

Each of them is allowed, and most are mistakes that are paid for: queries that are asked twice, a
prompt without the query, a judge that does not see the answer, levels that change nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from estimator.workload import load_notes, save_notes
from experiment.definition import ROW, Experiment, Judge
from experiment.errors import BadTemplate
from experiment.prompts import ANY_COLUMN, Request, TemplateNames

if TYPE_CHECKING:  # an estimate that has its counts and its warnings builds no request
    from experiment.prompts import RequestBuilder

_NOTES = "template warnings"  # what they are kept as
_MAX_SHOWN, _MAX_SHOWN_TEXT, _MAX_SHOWN_PLACES = 3, 40, 5
_OF_THE_ANSWER = ("output", "reasoning", "refusal")


def list_template_warnings(experiment: Experiment) -> Iterator[str]:
    """Yield what the queries and templates of an experiment say twice, or not at all.

    Every condition is rendered for the first query, so that files whose paths the levels choose
    are looked at too.
    """
    yield from _list_warnings(experiment, _find_used_names(experiment))


def find_template_warnings(experiment: Experiment, *, use_cache: bool = True) -> list[str]:
    """Return `list_template_warnings`, kept from an earlier estimate of unchanged files."""
    kept = load_notes(experiment, _NOTES) if use_cache else None
    if kept is not None:
        return kept
    used = _find_used_names(experiment)
    warnings = list(_list_warnings(experiment, used))
    if use_cache and used.all_variables is not None:
        save_notes(experiment, _NOTES, warnings, used.files)
    return warnings


def _list_warnings(experiment: Experiment, used: _UsedNames) -> Iterator[str]:
    yield from _warn_of_duplicates(experiment, used.messages)
    if used.messages is not None and used.messages.variables.isdisjoint({"query", ROW}):
        yield (
            "no message uses {{ query }}, so every query sends the same request, and each is paid "
            "for; write {{ query }} where it belongs"
        )
    for judge in experiment.spec.judges:
        names = used.judges.get(judge.name)
        if names is not None and names.variables.isdisjoint(_OF_THE_ANSWER):
            yield (
                f"judge {judge.name} does not see the answer: its messages use neither "
                "{{ output }} nor {{ reasoning }} nor {{ refusal }}"
            )
    if (every := used.all_variables) is not None:
        yield from _warn_of_unused_levels(experiment, every)


@dataclass(frozen=True, slots=True)
class _UsedNames:
    """The names that the templates of each stage use; None where they cannot be rendered.

    Attributes:
        messages: of the subjects' messages.
        judges: of each judge's.
        files: that templates name -> their sha256; None for one that cannot be read.
    """

    messages: TemplateNames | None
    judges: dict[str, TemplateNames | None]
    files: dict[str, str | None]

    @property
    def all_variables(self) -> frozenset[str] | None:
        """The variables that any template uses; None where some cannot be rendered."""
        names = [self.messages, *self.judges.values()]
        known = [each.variables for each in names if each is not None]
        return frozenset().union(*known) if len(known) == len(names) else None


def _find_used_names(experiment: Experiment) -> _UsedNames:
    requests = _build_requests(experiment)
    try:
        subjects = [
            requests.build_subject_request(experiment.spec.models[0], condition, 0, 0)
            for condition in experiment.conditions()
        ]
    except BadTemplate:
        return _UsedNames(None, {judge.name: None for judge in experiment.spec.judges}, {})
    judges: dict[str, TemplateNames | None] = {}
    files = requests.templates.named_files
    for judge in experiment.spec.judges:
        judges[judge.name], named = _find_judge_names(experiment, judge, subjects)
        files |= named
    return _UsedNames(requests.templates.used_names, judges, files)


def _find_judge_names(
    experiment: Experiment, judge: Judge, subjects: Sequence[Request]
) -> tuple[TemplateNames | None, dict[str, str | None]]:
    """Return the names that a judge's templates use, and no other's, and the files they name."""
    alone = experiment.spec.model_copy(update={"judges": (judge,)})
    requests = _build_requests(replace(experiment, spec=alone))
    try:
        for subject in subjects:
            requests.preview_messages(replace(subject, stage=judge.name))
    except BadTemplate:
        return None, {}
    return requests.templates.used_names, requests.templates.named_files


def _build_requests(experiment: Experiment) -> RequestBuilder:
    """Return what renders the messages; without repeats, which only matter for ids."""
    from experiment.prompts import RequestBuilder  # noqa: PLC0415 - as above

    return RequestBuilder(experiment, lambda *_: True, repeats={})


def _warn_of_duplicates(experiment: Experiment, names: TemplateNames | None) -> Iterator[str]:
    """Yield which queries are asked more than once: with the same text, and the same columns.

    Only columns that the messages use make them different.
    """
    if len(set(experiment.queries)) == len(experiment.queries):
        return
    places: dict[tuple[str, str], list[int]] = {}
    columns = names.columns if names is not None else frozenset({ANY_COLUMN})
    for index, text in enumerate(experiment.queries):
        row = experiment.list_query_variables(index).get(ROW, {})
        places.setdefault((text, _name_cells(row, columns)), []).append(index)
    twice = {text: where for (text, _), where in places.items() if len(where) > 1}
    if not twice:
        return
    extra = sum(len(where) - 1 for where in twice.values())
    shown = "; ".join(_show_duplicate(*each) for each in [*twice.items()][:_MAX_SHOWN])
    more = f"; and {len(twice) - _MAX_SHOWN:,} more" if len(twice) > _MAX_SHOWN else ""
    times = "query is" if extra == 1 else "queries are"
    yield (
        f"{extra:,} {times} asked already: {shown}{more}. Each is paid for and counts as a query "
        "of its own; remove it, or raise `samples` to ask all of them more than once"
    )


def _name_cells(row: Mapping[str, Any], columns: frozenset[str]) -> str:
    used = {name: row[name] for name in row if name in columns or ANY_COLUMN in columns}
    return json.dumps(used, sort_keys=True)


def _show_duplicate(text: str, where: list[int]) -> str:
    short = text if len(text) <= _MAX_SHOWN_TEXT else f"{text[:_MAX_SHOWN_TEXT]}…"
    numbers = ", ".join(map(str, where[:_MAX_SHOWN_PLACES]))
    return f"{short!r} (queries {numbers}{', …' * (len(where) > _MAX_SHOWN_PLACES)})"


def _warn_of_unused_levels(experiment: Experiment, used: frozenset[str]) -> Iterator[str]:
    """Yield the variables of levels that no template uses, and the levels that are then alike."""
    for factor, levels in experiment.spec.factors.items():
        setters: dict[str, list[str]] = {}
        for level, given in levels.items():
            for name in given:
                if name != "sampling" and name not in used:
                    setters.setdefault(name, []).append(level)
        alike = _group_alike(levels, used)
        for name, where in setters.items():
            yield f"no template uses {name}, which {', '.join(where)} of {factor} set"
        for same in alike:
            yield (
                f"levels {', '.join(same)} of {factor} differ in nothing that is sent, so their "
                "answers differ by chance, and all of them are paid for"
            )


def _group_alike(levels: Mapping[str, Mapping[str, Any]], used: frozenset[str]) -> list[list[str]]:
    """Return levels that set all that is used to the same values."""
    groups: dict[str, list[str]] = {}
    for level, given in levels.items():
        sent = {name: each for name, each in given.items() if name == "sampling" or name in used}
        groups.setdefault(repr(sorted(sent.items())), []).append(level)
    return [same for same in groups.values() if len(same) > 1]
