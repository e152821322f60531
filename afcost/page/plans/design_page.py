"""A design as a page: the curves, the table of designs, and what else could be done."""

from __future__ import annotations

import json
from typing import Any

from afcost.page.plans.design_sections import compose_curves
from afcost.page.shell.document import embed_json, render_document
from afcost.page.shell.figures import Figures
from afcost.page.shell.sections import PageSection
from afcost.rendering.console import show_json
from estimator.design import StudyDesign


def render_design_page(design: StudyDesign) -> str:
    """Return a design as one HTML file.

    Raises:
        MissingExtra: charts cannot be drawn here.
    """
    document: dict[str, Any] = json.loads(show_json(design.to_json()))
    values = {
        "design": document,
        "several": len(design.names) > 1,
        "names": design.names,
        "title": design.experiment.spec.title or design.experiment.name,
        "name": design.experiment.name,
        "warnings": design.warnings,
    }
    sections = [
        PageSection("summary", "Designs", "plans/designs.html.j2", values),
        compose_curves(design),
    ]
    return render_document(
        "sections.html.j2",
        title=f"{design.experiment.name}: design – afcost",
        sections=sections,
        figures=Figures(document),
        data=embed_json(document),
    )
