"""`afcost report`: planned against actual cost, and the experiment's result."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from afcost.given_options import refuse_options_but
from afcost.rendering import console as draw
from afcost.rendering.report.data import render_csv, render_json
from afcost.rendering.report.markdown import render_markdown
from afcost.rendering.report.text import print_report
from afcost.rendering.running.guard_view import show_guard_report
from estimator.atomic_write import write_atomically
from experiment.analysis import list_measures
from experiment.definition import Target
from runner.gateway import build_guard_report, is_guard_folder, open_guard_folder
from runner.results import Report, build_report, export_answers
from runner.run_folder import RunFolder, open_run_folder

if TYPE_CHECKING:
    from experiment.analysis.validation import LabelSet

_RENDERERS = {"json": render_json, "md": render_markdown}


@click.command("report")
@click.argument("run", type=click.Path(path_type=Path))
@click.option(
    "--format",
    type=click.Choice(["table", "json", "csv", "md"]),
    default="table",
    show_default=True,
    help="Output format; in a file, a table is Markdown.",
)
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="Write the report to this file."
)
@click.option(
    "--answers",
    type=click.Path(path_type=Path),
    help="Also write every answer to this file (.csv, .jsonl).",
)
@click.option(
    "--html",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write the report as a page for a browser to this file; needs the extra `page`.",
)
@click.option(
    "--figures",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Write each chart of that page to this folder, as svg, png and csv.",
)
@click.option(
    "--transcripts",
    type=click.Choice(["all", "sample", "none"]),
    help="Which answers the page has, with prompts and verdicts: `all` of them, in a folder beside "
    "it where they take more than 7 MB, or a `sample` of 400. Default: all where they fit into "
    "the page, else a sample.",
)
@click.option("--compare", metavar="FACTOR", help="Compare the levels of this factor.")
@click.option("--judge", metavar="NAME", help="Measure by this judge, or by `proxy`.")
@click.option(
    "--target",
    type=click.Choice([each.value for each in Target]),
    help="What gaps are about; default: `target` in the experiment file.",
)
@click.option(
    "--labels",
    type=click.Path(path_type=Path),
    multiple=True,
    help="Hold the judges against labels in this file, of `afcost label`; may be repeated.",
)
@click.option(
    "--raw",
    is_flag=True,
    help="For programs: leave CSV cells that look like formulas as they are.",
)
def report_command(  # noqa: PLR0913 - one argument for each option
    *,
    run: Path,
    format: str,  # noqa: A002 - the option's name
    output: Path | None,
    answers: Path | None,
    labels: tuple[Path, ...],
    html: Path | None,
    figures: Path | None,
    transcripts: str | None,
    compare: str | None,
    judge: str | None,
    target: str | None,
    raw: bool,
) -> None:
    """Compare the cost of RUN, a run folder, with its plan, and show the experiment's result.

    Of a guarded program's folder it shows what its calls came to, by label and model.
    """
    if transcripts is not None and html is None:
        raise click.UsageError("--transcripts is about the page of --html FILE")
    if is_guard_folder(run):
        _report_guarded(run, format, output)
        return
    opened = open_run_folder(run)
    _check_known("--compare", compare, list(opened.spec.factors), "a factor of")
    _check_known("--judge", judge, list_measures(opened.spec), "a judge of")
    _refuse_free_labels(opened, judge)
    if answers is not None:
        count = export_answers(opened, answers, raw=raw)
        draw.print_text(draw.stderr(), f"Wrote {count:,} answers to {answers}.")
    report = build_report(
        opened,
        compare=compare,
        measure=judge,
        target=None if target is None else Target(target),
        labels=_read_labels(opened, labels),
    )
    if html is not None or figures is not None:
        if html is not None:
            _write_page(report, html, transcripts)
        if figures is not None:
            _write_figures(report, figures, raw=raw)
        return
    if format == "table" and output is None:
        print_report(draw.stdout(), report)
        return
    if format == "csv":
        text = render_csv(report, raw=raw)
    else:
        text = _RENDERERS.get(format, render_markdown)(report)  # a table in a file is Markdown
    if output is None:
        click.echo(text, nl=False)
    else:
        write_atomically(output, text)


def _report_guarded(run: Path, format_: str, output: Path | None) -> None:
    """Report what the calls of a guarded program came to."""
    why = "is not for a guarded program, whose report has its calls and their cost"
    refuse_options_but({"format", "output"}, why)
    if format_ not in ("table", "json") or (output is not None and format_ != "json"):
        raise click.UsageError("the report of a guarded program is a table, or --format json")
    report = build_guard_report(open_guard_folder(run))
    if format_ == "table":
        show_guard_report(draw.stdout(), report)
    elif output is None:
        click.echo(draw.show_json(report.to_json()))
    else:
        write_atomically(output, draw.show_json(report.to_json()) + "\n")


def _write_figures(report: Report, folder: Path, *, raw: bool) -> None:
    """Write the page's charts as files."""
    from afcost.page.report.figure_files import write_figures  # noqa: PLC0415 - an extra

    names = write_figures(report, folder, raw=raw)
    told = f"Wrote {len(names)} charts to {folder}, each as svg, png and csv: "
    draw.print_text(draw.stderr(), told + ", ".join(names) + ".", is_prose=True)


def _write_page(report: Report, path: Path, extent: str | None) -> None:
    """Write a report's page, and the folder of its transcripts where it has one."""
    from afcost.page.report.view import render_report_page  # noqa: PLC0415 - an extra
    from afcost.page.transcripts.payload import (  # noqa: PLC0415 - only a page needs it
        Extent,
        build_transcripts,
        describe_transcripts,
    )

    transcripts = build_transcripts(report, path, Extent(extent) if extent else None)
    write_atomically(path, render_report_page(report, transcripts))
    draw.print_text(draw.stderr(), f"Wrote the page {path}{describe_transcripts(transcripts)}.")


def _read_labels(run_folder: RunFolder, paths: tuple[Path, ...]) -> LabelSet | None:
    if not paths:
        return None
    from runner.labelling import read_labels  # noqa: PLC0415 - it loads numpy

    return read_labels(run_folder, paths)


def _refuse_free_labels(run_folder: RunFolder, name: str | None) -> None:
    """Refuse a judge that has no rate: none of its labels is positive.

    Raises:
        click.BadParameter: it is one.
    """
    for judge in run_folder.spec.judges:
        if judge.name == name and not judge.form.has_positives:
            raise click.BadParameter(
                f"{name!r} gives free labels, which have no rate; the report without --judge shows "
                "how often it gives each. To compare it, name some as `positive` in its `verdict`",
                param_hint="--judge",
            )


def _check_known(option: str, name: str | None, known: Sequence[str], what: str) -> None:
    """Check that a name is one of the experiment's.

    Raises:
        click.BadParameter: it is not; names those that are.
    """
    if name is not None and name not in known:
        listed = ", ".join(known) or "none"
        raise click.BadParameter(
            f"{name!r} is not {what} this experiment; known here: {listed}", param_hint=option
        )
