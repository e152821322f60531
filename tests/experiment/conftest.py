"""What the tests of experiments share: a tiny experiment file, and the same one in memory."""

from __future__ import annotations

from pathlib import Path

import pytest

from experiment.definition.experiment import Experiment, Overrides
from experiment.definition.loader import load_experiment
from experiment.definition.schema import ExperimentSpec
from experiment.prompts.request_builder import RequestBuilder

UNCHANGED = Overrides()
TINY = """\
name: tiny
models: [gpt-4o]
factors:
  tier:
    free: {pays: "no"}
    paid: {pays: "yes"}
queries: {file: queries.txt}
messages:
  - {role: user, content: "{{ query }} {{ pays }}"}
sampling: {max_tokens: 10}
"""

FIELDS = {
    "name": "made",
    "models": ["gpt-4o"],
    "factors": {"tier": {"free": {"pays": "no"}, "paid": {"pays": "yes"}}},
    "queries": {"file": "queries.txt"},
    "messages": [
        {"role": "user", "content": "{{ query }} {{ pays }}"},
        {"role": "assistant", "content": "<"},
    ],
    "sampling": {"max_tokens": 10},
}


@pytest.fixture
def tiny() -> str:
    """Return the text of a tiny experiment file."""
    return TINY


@pytest.fixture
def read(tmp_path: Path):
    """Write an experiment file with two queries, and load it."""

    def write_and_load(text: str, changes: Overrides = UNCHANGED) -> Experiment:
        (tmp_path / "queries.txt").write_text("one\ntwo\n")
        (tmp_path / "experiment.yaml").write_text(text)
        return load_experiment(str(tmp_path / "experiment.yaml"), changes)

    return write_and_load


@pytest.fixture(scope="session")
def made():
    """Make the requests of an experiment that differs from the tiny one in these fields."""

    def make(folder: Path = Path(), queries=("one", "two"), *, takes_prefill=True, **fields):
        spec = ExperimentSpec.model_validate(FIELDS | fields)
        experiment = Experiment(spec, folder / "experiment.yaml", "made", tuple(queries))
        return RequestBuilder(experiment, lambda *_: takes_prefill)

    return make
