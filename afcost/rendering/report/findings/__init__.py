"""What an experiment found, as sections of a report, from the result to its details."""

from afcost.rendering.report.findings.answer_kinds import describe_counts
from afcost.rendering.report.findings.conditions import compose_conditions
from afcost.rendering.report.findings.effects import compose_effects
from afcost.rendering.report.findings.judge_sections import compose_judges
from afcost.rendering.report.findings.label_sections import compose_correction, compose_errors
from afcost.rendering.report.findings.missing import compose_answers
from afcost.rendering.report.findings.published_figures import compose_published
from afcost.rendering.report.findings.result import compose_result, has_result
from afcost.rendering.report.findings.sequential_looks import compose_sequential

__all__ = [
    "compose_answers",
    "compose_conditions",
    "compose_correction",
    "compose_effects",
    "compose_errors",
    "compose_judges",
    "compose_published",
    "compose_result",
    "compose_sequential",
    "describe_counts",
    "has_result",
]
