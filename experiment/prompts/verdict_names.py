"""Verdict names: the ids of judges' votes, whatever their templates render the second time.

A verdict is asked for again where its answer, its judge or what the judge is told has changed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from experiment.definition import ROW, Condition, Experiment, MessageTemplate
from experiment.prompts.rendering import ANY_COLUMN, TemplateNames
from experiment.prompts.request import Request
from experiment.prompts.request_ids import (
    digest_values,
    hash_text,
    is_of_before,
    name_verdict,
    name_verdict_of_before,
)
from experiment.prompts.request_kind import KindKey, RequestKind
from experiment.scoring import Answer

if TYPE_CHECKING:  # it imports jinja2
    from experiment.prompts.rendering import Templates


class VerdictNames:
    """Names the verdicts of an experiment's judges.

    Args:
        experiment: that has the judges.
        templates: render their messages.
        conditions: by name.
        kinds: (stage, model, condition) -> what its requests have in common.
    """

    def __init__(
        self,
        experiment: Experiment,
        templates: Templates,
        conditions: Mapping[str, Condition],
        kinds: Mapping[KindKey, RequestKind],
    ) -> None:
        self._experiment, self._templates = experiment, templates
        self._conditions, self._kinds = conditions, kinds
        self._judges = {judge.name: judge for judge in experiment.spec.judges}
        self._told: dict[tuple[str, str], tuple[str, bool]] = {}
        self._definitions: dict[tuple[str, bool], str] = {}
        self._judge_names: dict[str, TemplateNames] = {}

    def name(
        self, job: str, stage: str, vote: int, answer: Answer | None, of: Request | None = None
    ) -> str:
        """Return the id of a verdict, whatever its template renders the second time.

        It is made of the job, the answer that is judged, the judge's definition, the vote, and what
        the judge is told of the condition and the query, which are no part of the job's id. Its
        first letter tells it from the ids of earlier versions, digests of the rendered text.

        Args:
            job: id of the subject request.
            stage: the judge's name.
            vote: which vote, from 0.
            answer: of the subject; None before it is known.
            of: the subject request; None for a job of an earlier version, whose id says all of it.
        """
        judged = answer and [hash_text(text) for text in answer.texts_of_identity]
        if of is None or is_of_before(job):
            definition = self._define_judge(stage, of_before=True)
            return name_verdict_of_before([job, stage, vote, judged, definition])
        definition, told = self._define_judge(stage), self._digest_told(stage, of)
        return name_verdict(job, stage, str(vote), " ".join(judged or ()), definition, told)

    def _digest_told(self, stage: str, of: Request) -> str:
        """Return a digest of the condition's variables and the query, as far as a judge uses them.

        A template that chooses its files by a variable may use all of them.
        """
        key = (stage, of.condition)
        if key not in self._told:
            names = self._list_judge_names(stage)
            used = None if names.inserts else names.variables
            given = self._conditions[of.condition].variables
            told = {name: given[name] for name in given if used is None or name in used}
            self._told[key] = digest_values(told), used is None or "query" in used
        values, has_query = self._told[key]
        query = hash_text(self._experiment.queries[of.query]) if has_query else ""
        cells = self._list_judged_cells(stage, of.query)
        return f"{values} {query}{' ' + digest_values(cells) if cells else ''}"

    def _list_judged_cells(self, stage: str, query: int) -> dict[str, Any]:
        """Return the columns of a query's row that a judge's templates use, with their values.

        A verdict is asked for again where one of them changed, such as a reference answer.
        """
        row = self._experiment.list_query_variables(query).get(ROW, {})
        if not row:
            return {}
        names = self._list_judge_names(stage)
        uses_any = names.inserts or ANY_COLUMN in names.columns
        return {name: row[name] for name in sorted(row) if uses_any or name in names.columns}

    def _list_judge_names(self, stage: str) -> TemplateNames:
        if stage not in self._judge_names:
            names = TemplateNames()
            for each in self._sent_judge_templates(stage):
                names |= self._templates.list_names(each.content)
            self._judge_names[stage] = names
        return self._judge_names[stage]

    def _sent_judge_templates(self, stage: str) -> tuple[MessageTemplate, ...]:
        return self._find_kind(stage).sent_templates(self._judges[stage].messages)

    def _find_kind(self, stage: str) -> RequestKind:
        return next(kind for key, kind in self._kinds.items() if key[0] == stage)

    def _define_judge(self, stage: str, *, of_before: bool = False) -> str:
        """Return the digest of a judge: what it sends, with its templates and their files.

        Args:
            stage: the judge's name.
            of_before: as earlier versions made it, of the model and the sampling as written.
        """
        key = (stage, of_before)
        if key not in self._definitions:
            judge, kind = self._judges[stage], self._find_kind(stage)
            templates = self._sent_judge_templates(stage)
            files: dict[str, str] = {}
            for each in templates:
                files |= self._templates.list_named_files(each.content)
            texts = [(each.role, hash_text(each.content)) for each in templates]
            named = sorted(files.items())
            definition = [judge.model, texts, named, kind.sampling_text]
            written = definition if of_before else [kind.sent, texts, named]
            self._definitions[key] = hash_text(json.dumps(written))
        return self._definitions[key]
