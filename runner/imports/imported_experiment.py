"""The experiment of imported answers: what is known of how they were asked for, as a file.

Its prompts are not known, so its messages only say which condition an answer is of. Its models are
at a provider to which nothing is sent, and cost nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from estimator.atomic_write import write_atomically
from estimator.safe_text import dump_json
from pricing.sources import PRICE_FILE
from runner.errors import BadImport
from runner.imports.answer_set import AnswerSet

PROVIDER = "imported"
EXPERIMENT, QUERIES = "experiment.yaml", "queries.jsonl"
_RESERVED = {"query", "output", "reasoning", "file", "raw", "self", "sampling", "kind", "refusal"}
_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9._:/@+-]+")
_LEAST_LIMIT = 4096  # tokens, of an answer whose limit is not known
_MOST_SHOWN = 10  # levels of a factor
# Both spellings of the tags: with a slash at their end, and without one.
_ANSWER = {"accept": "<request_fully_accepted", "reject": "<rejected"}


def name_model(written: str) -> str:
    """Return the name of a model of a file in the experiment.

    Raises:
        BadImport: nothing of it can be part of a name.
    """
    cleaned = _NOT_IN_NAMES.sub("-", written.strip()).strip("-/")
    if not cleaned:
        raise BadImport(f"model {written[:60]!r}: not a name; add --model NAME")
    return f"{PROVIDER}/{cleaned}"


def write_imported_experiment(
    folder: Path, name: str, answers: AnswerSet, answer_format: Mapping[str, Any]
) -> Path:
    """Write an experiment with its queries and prices into a folder, and return its path.

    Args:
        folder: an empty one.
        name: of the experiment and its study.
        answers: what was found.
        answer_format: fields of the experiment's `answer:`, in the place of the usual ones.

    Raises:
        BadImport: two models of the files have the same name in the experiment.
    """
    models = {name_model(each): each for each in answers.models}
    if len(models) < len(answers.models):
        raise BadImport(
            f"these models' names differ only in signs that a name cannot have: "
            f"{', '.join(answers.models)[:300]}; import their files one by one, with --model NAME"
        )
    variables = {factor: _name_variable(factor) for factor in answers.factors}
    known = "; ".join(f"{factor}: {{{{ {var} }}}}" for factor, var in variables.items())
    spec = {
        "name": name,
        "models": list(models),
        "factors": {
            factor: {level: {variables[factor]: level} for level in levels}
            for factor, levels in answers.factors.items()
        },
        "queries": {"file": QUERIES, "column": "query"},
        "samples": answers.samples,
        "messages": [
            {"role": "system", "content": f"Imported; the prompt is not known. {known}".strip()},
            {"role": "user", "content": "{{ query }}"},
        ],
        "sampling": {"max_tokens": _find_limit(answers)},
        "answer": {**_ANSWER, **answer_format},
        "providers": {PROVIDER: {"kind": "none"}},
    }
    price = {"input": "0", "output": "0", "source": "nothing is sent"}
    prices = yaml.safe_dump({"prices": dict.fromkeys(models, price)}, allow_unicode=True)
    lines = "".join(f"{dump_json({'query': each})}\n" for each in answers.queries)
    write_atomically(folder / QUERIES, lines)
    write_atomically(folder / PRICE_FILE, prices)
    text = yaml.safe_dump(spec, sort_keys=False, allow_unicode=True, width=100)
    write_atomically(folder / EXPERIMENT, text)
    return folder / EXPERIMENT


def _name_variable(factor: str) -> str:
    """Return the name of the template variable that says a factor's level."""
    if _IDENTIFIER.fullmatch(factor) and factor not in _RESERVED:
        return factor
    return f"level_{re.sub(r'[^A-Za-z0-9_]', '_', factor)}"


def _find_limit(answers: AnswerSet) -> int:
    """Return a limit that no answer exceeds."""
    return max(_LEAST_LIMIT, *(each.found.tokens[1] for each in answers.answers))


def describe_factors(answers: AnswerSet) -> str:
    """Return the factors and their levels in words, of many levels the first ones."""
    found = (f"{name} ({_list_levels(levels)})" for name, levels in answers.factors.items())
    return ", ".join(found) or "none"


def _list_levels(levels: Sequence[str]) -> str:
    shown = ", ".join(levels[:_MOST_SHOWN])
    return shown if len(levels) <= _MOST_SHOWN else f"{shown}, … {len(levels):,} in all"
