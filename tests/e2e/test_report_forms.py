"""What a report says is the same in every form, and stays as it is to the byte."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.sample_experiment import Lab
from tests.support.provider.behaviour import Behaviour, Fault

USUAL = {"answer": "by-tier", "output_tokens": 50}

REPORTS = Path(__file__).parent / "reports"


def run(lab: Lab, server, *, judged: bool) -> str:
    """Run one query in each condition; give the run folder. With judges, one answer is lost."""
    faults = (Fault("500_before", calls=(3,)),) if judged else ()
    server.reset(Behaviour(**USUAL, faults=faults))
    where = f'{{kind: openai, base_url: "{server.url}/v1", api_key_env: LAB_KEY}}'
    experiment = lab.init(lab=where)
    text = experiment.read_text().replace("openai/gpt-4o-mini", "lab/judge")
    if not judged:
        before, _, judge = text.partition("judges:\n")
        after = judge[judge.index("compare:") :].replace(", compliance: verdict", "")
        text = before + after
    experiment.write_text(text)
    price = '{input: "0.50", output: "2.00", source: "the lab"}'
    lab.prices(lab__model=price, lab__judge=price)
    lab.plan("af/experiment.yaml", "-m", "lab/model", "--limit", "1", "--max-tokens", "400")
    lab.afcost("approve", "plan.json", "--cap", "1", "--yes")
    lab.afcost("run", "plan.json", "--concurrency", "1")
    return str(lab.run_folder())


@pytest.mark.parametrize("name", ["with_a_judge", "without_a_judge"])
def test_a_report_is_this_text_and_this_markdown(lab, server, name):
    folder = run(lab, server, judged=name == "with_a_judge")
    markdown = (REPORTS / f"{name}.md").read_text()
    assert lab.afcost("report", folder).stdout == (REPORTS / f"{name}.txt").read_text()
    # The last section has this machine's versions, and digests of an address that is drawn.
    before, _, provenance = lab.afcost("report", folder, "--format", "md").stdout.partition(
        "\n## Provenance\n"
    )
    assert before == markdown
    assert "| lab/model | model |" in provenance
    lab.afcost("report", folder, "-o", "report.md")
    assert (lab.folder / "report.md").read_text() == f"{before}\n## Provenance\n{provenance}"
    assert "{" not in lab.afcost("report", folder, "--format", "csv").stdout  # one value in a cell
