"""Finished runs: the forecast of a complete run beside what it came to, as a line of JSON."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from estimator.forecast import RangeOutcome
from pricing.money import Money, money_from_float

FINISHED_RUN_SCHEMA = "afcost.finished_run/1"
_BASIS = re.compile("[a-z]{1,20}")
_NEEDED, _POSSIBLE = ("q05", "q50", "q95"), ("q025", "q05", "q25", "q50", "q75", "q95", "q975")
_LONGEST = 1_000  # characters of a text
_LARGEST_AMOUNT = 1e9  # US dollars


@dataclass(frozen=True, slots=True)
class StratumOutcome:
    """A stratum of a finished run."""

    stage: str
    model: str
    condition: str
    outcome: RangeOutcome


@dataclass(frozen=True, slots=True)
class FinishedRun:
    """A complete run: what its plan forecast, and what it came to.

    Attributes:
        ledger: the identity of its ledger.
        plan: the digest of the plan.
        study: the study's name.
        finished: when that was recorded.
        total: of all that the plan counts.
        strata: those that were planned.
    """

    ledger: str
    plan: str
    study: str
    finished: datetime
    total: RangeOutcome
    strata: tuple[StratumOutcome, ...]

    @property
    def key(self) -> tuple[str, str]:
        """What makes it the same run: its ledger and its plan."""
        return self.ledger, self.plan

    def to_json(self) -> dict[str, Any]:
        """Return the run as JSON; money as decimal strings of US dollars."""
        strata = [
            {"stage": each.stage, "model": each.model, "condition": each.condition}
            | _outcome_json(each.outcome)
            for each in self.strata
        ]
        return {
            "schema": FINISHED_RUN_SCHEMA,
            "ledger": self.ledger,
            "plan": self.plan,
            "study": self.study,
            "finished": self.finished.isoformat(timespec="seconds"),
            "total": _outcome_json(self.total),
            "strata": strata,
        }

    def to_line(self) -> bytes:
        """Return the run as a line of JSON."""
        return json.dumps(self.to_json()).encode() + b"\n"

    @classmethod
    def from_line(cls, line: str) -> FinishedRun:
        """Read what `to_line` returned.

        Raises:
            ValueError: it is something else; says which value.
        """
        try:
            content = json.loads(line)
        except RecursionError as error:
            raise ValueError("lists or objects are nested too deep") from error
        if not isinstance(content, dict) or content.get("schema") != FINISHED_RUN_SCHEMA:
            raise ValueError(f"not of the schema {FINISHED_RUN_SCHEMA}")
        strata = content.get("strata")
        if not isinstance(strata, list) or not all(isinstance(each, dict) for each in strata):
            raise ValueError("strata: not a list of objects")
        return cls(
            ledger=_read_text(content, "ledger"),
            plan=_read_text(content, "plan"),
            study=_read_text(content, "study"),
            finished=_read_time(content, "finished"),
            total=_read_outcome(content.get("total")),
            strata=tuple(_read_stratum(each) for each in strata),
        )


def _outcome_json(outcome: RangeOutcome) -> dict[str, Any]:
    figures = dict(outcome.quantiles)
    if outcome.mean is not None:
        figures["mean"] = outcome.mean
    amounts = {
        name: money_from_float(dollars).to_decimal_string() for name, dollars in figures.items()
    }
    actual = outcome.actual.to_decimal_string()
    return {"basis": outcome.basis, "forecast_usd": amounts, "actual_usd": actual}


def _read_stratum(content: Mapping[str, Any]) -> StratumOutcome:
    stage, model, condition = (
        _read_text(content, name) for name in ("stage", "model", "condition")
    )
    return StratumOutcome(stage, model, condition, _read_outcome(content))


def _read_outcome(content: object) -> RangeOutcome:
    amounts = content.get("forecast_usd") if isinstance(content, dict) else None
    if not isinstance(content, dict) or not isinstance(amounts, dict):
        raise ValueError("forecast_usd: not an object of quantiles")  # noqa: TRY004 - of a file
    basis = _read_text(content, "basis")
    if not _BASIS.fullmatch(basis):
        raise ValueError(f"basis: {basis[:40]!r} is not a word")
    if missing := [name for name in _NEEDED if name not in amounts]:
        raise ValueError(f"forecast_usd: {missing[0]} is missing")
    known = {name: _read_amount(amounts, name) for name in _POSSIBLE if name in amounts}
    if list(known.values()) != sorted(known.values()):
        raise ValueError("forecast_usd: the quantiles do not rise")
    _read_amount(content, "actual_usd")
    mean = _read_amount(amounts, "mean") if "mean" in amounts else None
    return RangeOutcome(basis, known, Money.from_usd(content["actual_usd"]), mean)


def _read_text(content: Mapping[str, Any], name: str) -> str:
    value = content.get(name)
    if not isinstance(value, str) or len(value) > _LONGEST:
        raise ValueError(f"{name}: not a text of at most {_LONGEST:,} characters")
    return value


def _read_time(content: Mapping[str, Any], name: str) -> datetime:
    time = datetime.fromisoformat(_read_text(content, name))
    if time.tzinfo is None:
        raise ValueError(f"{name}: {content[name][:40]!r} names no time zone")
    return time


def _read_amount(content: Mapping[str, Any], name: str) -> float:
    value = float(_read_text(content, name))
    if not math.isfinite(value) or not 0 <= value <= _LARGEST_AMOUNT:
        raise ValueError(f"{name}: {content[name][:40]!r} is no amount of US dollars")
    return value
