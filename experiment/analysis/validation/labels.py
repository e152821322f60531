"""Labels: what persons say of answers, and which answers they were asked about."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from experiment.errors import BadLabels

_SHOWN = 3  # ids and lines that an error names


@dataclass(frozen=True, slots=True)
class Label:
    """What a person says of an answer.

    Attributes:
        request: the id of the answer's request.
        is_positive: whether the answer complied, or shows what was asked for.
        rater: the person; empty where no name is given.
        place: where it stands: file and line.
    """

    request: str
    is_positive: bool
    rater: str
    place: str


@dataclass(frozen=True, slots=True)
class Stratum:
    """The answers that a sample was drawn from at random.

    Attributes:
        model: of the answers.
        verdict: what the judge said of them: `positive` or `negative`.
        requests: the ids of their requests.
    """

    model: str
    verdict: str
    requests: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LabelSample:
    """Which answers were drawn to be labelled, and from what.

    Attributes:
        judge: whose verdicts the strata are of; or `proxy`.
        strata: of each model and verdict.
        drawn: the ids of the requests whose answers were drawn.
    """

    judge: str
    strata: tuple[Stratum, ...] = ()
    drawn: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LabelSet:
    """All labels that are given for a run.

    Attributes:
        labels: in the order of the files.
        samples: those that were drawn of the run.
        remarks: what a reader must know: rows that have no label, or were skipped.
        run: how the run is named in an error.
    """

    labels: tuple[Label, ...]
    samples: tuple[LabelSample, ...] = ()
    remarks: tuple[str, ...] = ()
    run: str = "the run"

    @property
    def raters(self) -> list[str]:
        """The persons, in the order of the files."""
        return list(dict.fromkeys(label.rater for label in self.labels))


@dataclass(frozen=True, slots=True)
class Truth:
    """What persons together say of answers.

    Attributes:
        positive: id of the request -> whether the answer is positive.
        tied: of how many answers as many persons say that they are as that they are not.
    """

    positive: dict[str, bool]
    tied: int = 0


def combine_labels(labels: Iterable[Label], known: Collection[str], run: str) -> Truth:
    """Combine the labels of several persons: what most of them say; a tie is left out.

    Args:
        labels: at most one of a person for each answer.
        known: the ids of the run's answers.
        run: how the run is named in an error.

    Raises:
        BadLabels: a label is of no answer of the run, or contradicts another of the same person.
    """
    given = list(labels)
    _refuse_unknown(given, known, run)
    by_answer: dict[str, dict[str, Label]] = defaultdict(dict)
    for label in given:
        first = by_answer[label.request].setdefault(label.rater, label)
        if first.is_positive != label.is_positive:
            who = label.rater or "the same person"
            raise BadLabels(
                f"{label.place}: answer {label.request} has another label than at {first.place}, "
                f"by {who}; keep one of them, or name two persons in a column `rater`"
            )
    votes = {
        request: Counter(label.is_positive for label in found.values())
        for request, found in by_answer.items()
    }
    decided = {request: count for request, count in votes.items() if count[True] != count[False]}
    return Truth(
        {request: count[True] > count[False] for request, count in decided.items()},
        tied=len(votes) - len(decided),
    )


def _refuse_unknown(labels: list[Label], known: Collection[str], run: str) -> None:
    strange = [label for label in labels if label.request not in known]
    if not strange:
        return
    named = ", ".join(f"{each.request or '(none)'} ({each.place})" for each in strange[:_SHOWN])
    more = f" and {len(strange) - _SHOWN:,} more" if len(strange) > _SHOWN else ""
    if len(strange) == len(labels):
        raise BadLabels(
            f"no label is of an answer of {run}: {named}{more}. The labels seem to be those of "
            "another run; name that run, or label this one with `afcost label`"
        )
    are = "is" if len(strange) == 1 else "are"
    raise BadLabels(
        f"{len(strange):,} of {len(labels):,} labels {are} of no answer of {run}: {named}{more}; "
        "correct these ids, or remove their rows"
    )


def choose_sample(samples: Iterable[LabelSample], labelled: set[str]) -> LabelSample | None:
    """Return the sample from which all labelled answers were drawn; None where there is none."""
    found = (each for each in samples if labelled and labelled <= set(each.drawn))
    return next(found, None)
