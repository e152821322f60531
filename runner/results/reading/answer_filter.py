"""Answer filters: which answers of a run are read. Unknown names are refused before any is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from experiment.analysis import Observation, choose_measure
from experiment.definition import PROXY, Judge, cross_factors
from experiment.scoring import AnswerKind
from runner.errors import BadRun
from runner.ledger import Attempt
from runner.results.reading.judge_words import (
    NOT_ASKED,
    NOT_DRAWN,
    list_known_words,
    says_word,
)
from runner.results.reading.query_choice import choose_queries
from runner.results.reading.unknown_name import name_unknown
from runner.run_folder import RunFolder

_TWO = 2


@dataclass(frozen=True, slots=True)
class AnswerFilter:
    """Which answers are read; a part that is None leaves all.

    Attributes:
        models: the models, as the experiment writes them.
        conditions: names of conditions.
        queries: indexes of queries.
        samples: numbers of samples.
        kinds: of answers.
        labels: judges, each with words of which it must say one.
        apart: two measures that must both say something, and not the same.
    """

    models: frozenset[str] | None = None
    conditions: frozenset[str] | None = None
    queries: frozenset[int] | None = None
    samples: frozenset[int] | None = None
    kinds: frozenset[AnswerKind] | None = None
    labels: tuple[tuple[Judge, tuple[str, ...]], ...] = ()
    apart: tuple[str, str] | None = None

    @property
    def reads_answers(self) -> bool:
        """Whether answers and verdicts must be parsed for it."""
        return self.kinds is not None or bool(self.labels) or self.apart is not None

    def takes_attempt(self, attempt: Attempt) -> bool:
        """Return whether an answer may be read, by what it is of."""
        return (
            (self.models is None or attempt.model in self.models)
            and (self.conditions is None or attempt.condition in self.conditions)
            and (self.queries is None or attempt.query in self.queries)
            and (self.samples is None or attempt.sample in self.samples)
        )

    def takes_observation(self, seen: Observation) -> bool:
        """Return whether an answer is read, by what it and its judges say."""
        return (
            (self.kinds is None or seen.kind in self.kinds)
            and all(
                any(says_word(judge, seen.reading(judge.name), word) for word in words)
                for judge, words in self.labels
            )
            and (self.apart is None or _differ(seen, *self.apart))
        )


def _differ(seen: Observation, first: str, second: str) -> bool:
    """Return whether two measures of a text say something else; both must say something.

    Of what is no text, the proxy and a judge follow the same rule.
    """
    a, b = seen.value(first), seen.value(second)
    is_text = seen.kind is AnswerKind.TEXT
    return is_text and a is not None and b is not None and (a > 1 / 2) is not (b > 1 / 2)


def read_answer_filter(  # noqa: PLR0913 - what a filter is made of
    run_folder: RunFolder,
    *,
    models: Sequence[str] = (),
    conditions: Sequence[str] = (),
    queries: Sequence[str] = (),
    where: Sequence[str] = (),
    samples: Sequence[int] = (),
    kinds: Sequence[str] = (),
    labels: Sequence[str] = (),
    disagree: bool = False,
    between: str = "",
) -> AnswerFilter:
    """Read a filter as it is written on the command line.

    Of several values of a part one must hold.

    Args:
        run_folder: of the run.
        models: names as written, or as the providers call them.
        conditions: names, or `factor=level`; of different factors, both must hold.
        queries: indexes from 0, or texts that stand in a query, in any case.
        where: `COLUMN=VALUE` of the queries; of different columns, all must hold.
        samples: numbers from 0.
        kinds: of answers.
        labels: `JUDGE=WORD`; of different judges, both must hold.
        disagree: the proxy and the measure's judge say something else.
        between: two judges, `A,B`, that say something else.

    Raises:
        BadRun: a name that the run does not have; the error says which it has.
    """
    return AnswerFilter(
        _read_models(run_folder, models) if models else None,
        _read_conditions(run_folder, conditions) if conditions else None,
        choose_queries(run_folder, queries, where),
        frozenset(samples) if samples else None,
        frozenset(_find_kind(each) for each in kinds) if kinds else None,
        _read_labels(run_folder, labels),
        _read_pair(run_folder, between) if disagree or between else None,
    )


def _read_models(run_folder: RunFolder, given: Sequence[str]) -> frozenset[str]:
    names: dict[str, set[str]] = {}
    for written in run_folder.spec.models:
        name = run_folder.plan.models[written].name
        for each in (written, str(name), name.short_name, name.id):
            names.setdefault(each.lower(), set()).add(written)
    chosen: set[str] = set()
    for each in given:
        if each.lower() not in names:
            raise name_unknown("--model", each, run_folder.spec.models, "model")
        chosen |= names[each.lower()]
    return frozenset(chosen)


def _read_conditions(run_folder: RunFolder, given: Sequence[str]) -> frozenset[str]:
    all_conditions = list(cross_factors(run_folder.spec))
    names = {each.name for each in all_conditions}
    wanted: dict[str, set[str]] = {}
    for each in given:
        if each in names:
            wanted.setdefault("", set()).add(each)
            continue
        factor, is_level, level = each.partition("=")
        levels = run_folder.spec.factors.get(factor.strip(), {}) if is_level else {}
        if level.strip() not in levels:
            pairs = [f"{name}={x}" for name, of in run_folder.spec.factors.items() for x in of]
            known = [*(x.name for x in all_conditions), *pairs]
            meant = [pair for pair in pairs if pair.partition("=")[2] == each.strip()]
            raise name_unknown("--condition", each, known, "condition", meant)
        wanted.setdefault(factor.strip(), set()).add(level.strip())
    return frozenset(
        each.name
        for each in all_conditions
        if all((each.levels | {"": each.name})[factor] in of for factor, of in wanted.items())
    )


def _find_kind(word: str) -> AnswerKind:
    try:
        return AnswerKind(word.lower())
    except ValueError as error:
        raise name_unknown("--kind", word, [each.value for each in AnswerKind], "kind") from error


def _read_labels(
    run_folder: RunFolder, given: Sequence[str]
) -> tuple[tuple[Judge, tuple[str, ...]], ...]:
    judges = {each.name: each for each in run_folder.spec.judges}
    words: dict[str, list[str]] = {}
    for each in given:
        name, is_pair, word = each.partition("=")
        if not is_pair:
            raise BadRun(f"--label {each!r} is not JUDGE=VALUE, such as {_give_example(judges)}")
        if name not in judges:
            raise name_unknown("--label", name, judges, "judge")
        known = [*list_known_words(judges[name]), NOT_DRAWN, NOT_ASKED]
        if word.strip().lower() not in {x.lower() for x in known}:
            raise name_unknown(f"--label {name}=", word, known)
        words.setdefault(name, []).append(word)
    return tuple((judges[name], tuple(said)) for name, said in words.items())


def _give_example(judges: Iterable[str]) -> str:
    return f"{next(iter(judges), 'compliance')}=positive"


def _read_pair(run_folder: RunFolder, between: str) -> tuple[str, str]:
    all_judges = run_folder.spec.judges
    judges = [each.name for each in all_judges]
    if not between:
        measure = choose_measure(run_folder.spec)
        if measure == PROXY:
            raise BadRun(
                "--disagree: the result is measured by the proxy, so that no judge can disagree "
                "with it; name two measures with --between, "
                f"of {', '.join([PROXY, *judges])}"
            )
        return PROXY, measure
    pair = [each.strip() for each in between.split(",")]
    for each in pair:
        if each not in (PROXY, *judges):
            raise name_unknown("--between", each, [PROXY, *judges], "measure")
        if any(judge.name == each and not judge.form.has_positives for judge in all_judges):
            raise BadRun(
                f"--between {between}: {each} gives labels of which none is `positive`, so nothing "
                f"can disagree with it; choose by its labels with --label {each}=LABEL"
            )
    if len(pair) != _TWO or pair[0] == pair[1]:
        raise BadRun(f"--between {between!r} is not two measures, such as proxy,compliance")
    return pair[0], pair[1]
