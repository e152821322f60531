"""What a command imports: an estimate whose prompts are counted already begins with little."""

from __future__ import annotations

import subprocess
import sys

ESTIMATE = """
import sys
from afcost.cli import run_cli
assert run_cli(["estimate", "--model", "llama-3.1-70b", "--limit", "3"]) == 0
print("loaded", *sorted(sys.modules))
"""
LATER = {
    "estimator.caching.shared_prefixes",
    "estimator.counting.vocabularies.vocabulary",
    "estimator.processing",
    "estimator.survey",
    "experiment.prompts.request_builder",
    "experiment.scoring",
    "jinja2",
    "numpy",
    "providers.batches",
    "runner.launch",
}


def list_loaded(folder):
    command = [sys.executable, "-c", ESTIMATE]
    said = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout
    return LATER.intersection(said.splitlines()[-1].split())


def test_what_counts_renders_and_reads_answers_is_imported_only_to_count(tmp_path):
    assert "estimator.survey" in list_loaded(tmp_path)
    assert list_loaded(tmp_path) == set()
