"""The files that an experiment's templates insert, found without any answer."""

from __future__ import annotations

from experiment.definition import Experiment
from experiment.prompts.request_builder import RequestBuilder


def find_inserted_files(experiment: Experiment) -> tuple[str, ...]:
    """Return the paths of all files that the prompts are made from, relative to the experiment.

    Every condition is rendered for the first query, because levels may choose the files.

    Raises:
        BadTemplate: one of them cannot be rendered.
    """
    requests = RequestBuilder(experiment, lambda *_: True, repeats={})  # they only matter for ids
    for condition in experiment.conditions():
        subject = requests.build_subject_request(experiment.spec.models[0], condition, 0, 0)
        for _ in requests.build_judge_requests(subject, None):
            pass
    return tuple(requests.templates.file_digests)
