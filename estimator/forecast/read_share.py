"""Read shares: how many of the answers a judge reads where that depends on the answers.

A judge that reads what was accepted, or what another judge says something of, reads a share of the
answers that is not known before. Without history every share is taken to be as likely as any other,
so that half of them are expected and 5 to 95 % are within the range. What a condition or a draw
decides is counted, not assumed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from estimator.forecast.history import History
from estimator.workload import PlannedModel, StratumKey, StratumTally
from experiment.definition import SUBJECT, Experiment

_EVEN = 0.5  # added to what was read and what was not: Jeffreys' prior of a share


@dataclass(frozen=True, slots=True)
class ReadShare:
    """The share of the answers that decide it which a judge reads, as a Beta distribution.

    Attributes:
        read, unread: its parameters.
        scale, shift: share = scale x what is distributed so + shift, from 0 to 1.
        source: where it comes from.
    """

    read: float
    unread: float
    source: str
    scale: float = 1.0
    shift: float = 0.0

    def at(self, p: float | None) -> float:
        """Return the share: its mean, or a quantile of it."""
        if p is None:
            found = self.read / (self.read + self.unread)
        elif self.read == self.unread == 1:
            found = p
        else:
            from scipy.special import betaincinv  # noqa: PLC0415 - slow, and only for history

            found = float(betaincinv(self.read, self.unread, p))
        return min(max(self.scale * found + self.shift, 0.0), 1.0)


_UNKNOWN = ReadShare(1, 1, "half of these are expected, as any share is as likely")


def forecast_read_shares(
    experiment: Experiment,
    models: Mapping[str, PlannedModel],
    tallies: Mapping[StratumKey, StratumTally],
    history: History | None,
) -> dict[StratumKey, ReadShare]:
    """Return the share of the answers that each judge reads, where the answers decide it.

    Args:
        experiment: what is measured.
        models: written name -> planned model.
        tallies: stratum -> what was counted.
        history: billed usage of earlier runs, which says how many answers their judges read.
    """
    judges = {judge.name: judge for judge in experiment.spec.judges}
    return {
        key: _fit(
            find_read_share(key, models[key.model], history),
            tally,
            judges[key.stage].samples,
            _count_answers(tallies, key.condition),
        )
        for key, tally in tallies.items()
        if tally.depending
    }


def find_read_share(key: StratumKey, model: PlannedModel, history: History | None) -> ReadShare:
    """Return the share of all answers in a condition that a judge reads."""
    counts = history.count_read(key, model) if history else None
    if history is None or counts is None:
        return _UNKNOWN
    read, answers = counts
    source = f"{read:,} of {answers:,} answers were read in {history.source}"
    return ReadShare(read + _EVEN, answers - read + _EVEN, source)


def _count_answers(tallies: Mapping[StratumKey, StratumTally], condition: str) -> int:
    return sum(
        tally.requests
        for key, tally in tallies.items()
        if key.stage == SUBJECT and key.condition == condition
    )


def _fit(share: ReadShare, tally: StratumTally, votes: int, answers: int) -> ReadShare:
    """Return a measured share of all answers as one of those that decide whether they are read.

    Args:
        share: of all answers, or unknown.
        tally: of the judge's requests, some of which are sent in any case.
        votes: of the judge about each answer.
        answers: how many are planned in the condition.
    """
    if share is _UNKNOWN:
        return share
    certain = tally.requests - tally.depending
    weight = answers / (answers + share.read + share.unread)  # the new answers are a new sample
    return ReadShare(
        share.read * weight,
        share.unread * weight,
        share.source,
        scale=votes * answers / tally.depending,
        shift=-certain / tally.depending,
    )
