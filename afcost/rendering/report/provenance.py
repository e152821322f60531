"""The section of a report that says what its answers come from."""

from __future__ import annotations

from afcost.rendering.report.blocks import Paragraph, Section, Table
from runner.reproduction import ModelProvenance, Provenance

_SHOWN_DIGEST = 16
_HEADER = ["model", "reported as", "fingerprint", "tokenizer", "prices"]


def compose_provenance(provenance: Provenance) -> Section:
    """Return the section: versions, digests, and each model as its provider reported it."""
    versions = ", ".join(f"{name} {each}" for name, each in provenance.versions.items())
    digests = {
        "plan": provenance.plan,
        "work": provenance.work,
        "requests": provenance.requests,
        "order of work drawn from": provenance.order_seed,
    }
    files = [[name, digest[:_SHOWN_DIGEST]] for name, digest in provenance.files.items()]
    return Section(
        "provenance",
        (
            Table(_HEADER, [_list_cells(each) for each in provenance.models.values()], 5),
            Paragraph(
                (
                    f"versions: {versions or 'not kept by the version that ran it'}",
                    *(f"{name}: {digest[:_SHOWN_DIGEST]}" for name, digest in digests.items()),
                )
            ),
            Table(["file", "sha256"], files, 2),
        ),
    )


def _list_cells(model: ModelProvenance) -> list[str]:
    return [
        model.model,
        _show_counts(model.reported),
        _show_counts(model.fingerprints),
        model.tokenizer,
        model.prices,
    ]


def _show_counts(counts: dict[str, int]) -> str:
    """Return names, with how many answers have each where there are several."""
    if len(counts) == 1:
        return next(iter(counts))
    return ", ".join(f"{name or '(none)'} ({count:,})" for name, count in counts.items()) or "-"
