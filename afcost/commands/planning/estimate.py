"""`afcost estimate`: forecast what an experiment costs, and save the plan."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from afcost.commands.planning.earlier_answers import (
    find_progress,
    list_left,
    make_timer,
    may_have_run,
)
from afcost.commands.planning.estimation import Estimation
from afcost.errors import Refused
from afcost.options import (
    FiniteRange,
    PositiveDollars,
    StudyName,
    TrustedKey,
    UpcomingDay,
    by_option,
    concurrency_option,
    limit_options,
)
from afcost.program_words import ProgramCommand, program_words, refuse_program_options
from afcost.rendering import console as draw
from afcost.rendering.estimate.estimate_view import EstimateView, show_estimate
from estimator.plan import Estimate, EstimateOptions, save_plan
from estimator.trusted_folders import user_trust
from estimator.wall_time import AccountLimits, PlanTime
from experiment.definition import BUILTIN_SOURCE, Overrides, load_experiment
from pricing.catalog import at_provider
from pricing.money import Money

if TYPE_CHECKING:  # a first estimate imports nothing that runs, or reads bills
    from estimator.forecast import History
    from estimator.processing import LaterStart
    from runner.launch import StudyProgress


@click.command("estimate", cls=ProgramCommand)
@click.argument("experiment", required=False)
@click.option(
    "--model", "-m", multiple=True, metavar="NAME", help="Subject model; may be repeated."
)
@click.option(
    "--provider", metavar="NAME", help="Provider of the subject models, such as openrouter."
)
@click.option("--limit", type=click.IntRange(1), metavar="N", help="Use only the first N queries.")
@click.option(
    "--samples", type=click.IntRange(1), metavar="N", help="Samples per query and condition."
)
@click.option(
    "--max-tokens", type=click.IntRange(1), metavar="N", help="max_tokens of the subject models."
)
@click.option("--history", type=click.Path(path_type=Path),
              help="CSV of billed usage to base the forecast on.")  # fmt: skip
@click.option("--no-history", is_flag=True,
              help="Do not base the forecast on earlier runs under runs/.")  # fmt: skip
@click.option(
    "--requests",
    type=click.Path(path_type=Path),
    help="Write every request to this file (.csv, .jsonl).",
)
@click.option("--texts", is_flag=True, help="With --requests: write its messages and sampling too.")
@click.option(
    "--tokenizer",
    multiple=True,
    metavar="[MODEL=]SOURCE",
    help="Count with the tokenizer hf:org/name or a folder; may be repeated.",
)
@click.option(
    "--allow-download",
    is_flag=True,
    help="Download tokenizers that the experiment file names, with your Hugging Face token.",
)
@click.option(
    "--count",
    type=click.Choice(["auto", "local", "provider"]),
    default="auto",
    show_default=True,
    help="Where to count prompts; auto asks Anthropic if its key is set.",
)
@click.option("--trust", type=TrustedKey(), multiple=True,
              help="With --count provider: this key may go to this provider; "
              "may be repeated.")  # fmt: skip
@click.option("--no-cache", is_flag=True, help="Ignore cached counts.")
@click.option(
    "--price",
    multiple=True,
    metavar="MODEL=IN/OUT",
    help="Price in USD per million tokens, or MODEL=SOURCE to use one source, such as litellm; "
    "may be repeated.",
)
@click.option(
    "--prices",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Price file, besides afcost.prices.yaml here and next to the experiment; may be repeated.",
)
@click.option(
    "--on", type=UpcomingDay(), help="Date of the run, such as 2026-12-02; default: today."
)
@click.option("--batch", is_flag=True,
              help="Ask models in batches where their price is known.")  # fmt: skip
@by_option
@concurrency_option
@limit_options
@click.option("--by-condition", is_flag=True, help="Show one row per condition.")
@click.option(
    "--fail-over",
    type=PositiveDollars(),
    help="Exit with code 3 if the 95% quantile is above this amount.",
)
@click.option(
    "--format",
    type=click.Choice(["table", "json", "csv", "md"]),
    default="table",
    show_default=True,
    help="Output format.",
)
@click.option(
    "--study",
    type=StudyName(),
    help="Study that the plan belongs to; default: `study` or `name` in the experiment file.",
)
@click.option(
    "--run-dir",
    type=click.Path(path_type=Path),
    help="Run folder of the study, whose answers need not be paid for; default: runs/STUDY.",
)
@click.option(
    "--raw",
    is_flag=True,
    help="For programs: leave CSV cells that look like formulas as they are.",
)
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Save the plan to this file.")
@click.option("--html", type=click.Path(path_type=Path), metavar="FILE",
              help="Write the estimate as a page for a browser too; needs the extra "
              "`page`.")  # fmt: skip
@click.option("--reply", type=click.Path(path_type=Path), metavar="FILE",
              help="Of a program: answers in the place of placeholders.")  # fmt: skip
@click.option("--default-max-tokens", type=click.IntRange(1), metavar="N",
              help="Of a program: limit of a call that says none.")  # fmt: skip
@click.option("--once", is_flag=True,
              help="Of a program: run it once, so prompts do not grow with answers.")  # fmt: skip
@click.option("--timeout", type=FiniteRange(min=0, min_open=True), metavar="SECONDS", default=600,
              show_default=True, help="Of a program: time of each run.")  # fmt: skip
def estimate_command(  # noqa: PLR0913 - one argument for each option
    *,
    experiment: str | None,
    model: tuple[str, ...],
    provider: str | None,
    limit: int | None,
    samples: int | None,
    max_tokens: int | None,
    history: Path | None,
    no_history: bool,
    requests: Path | None,
    texts: bool,
    tokenizer: tuple[str, ...],
    allow_download: bool,
    count: str,
    trust: tuple[str, ...],
    no_cache: bool,
    price: tuple[str, ...],
    prices: tuple[Path, ...],
    on: date | None,
    batch: bool,
    by: datetime | None,
    concurrency: int,
    rpm: float | None,
    tpm: float | None,
    by_condition: bool,
    fail_over: Money | None,
    format: str,  # noqa: A002 - the option's name, as in afcost.toml
    study: str | None,
    run_dir: Path | None,
    raw: bool,
    output: Path | None,
    html: Path | None,
    **of_programs: Any,  # noqa: ANN401, ARG001 - `read_request` reads them
) -> None:
    """Forecast what EXPERIMENT costs; default: the built-in alignment-faking experiment.

    EXPERIMENT is a file, or `builtin:NAME`; `afcost init --list` lists the built-in ones.

    This costs nothing and needs no key. Input is counted with each model's own tokenizer; output
    is forecast as a range: from this study's answers, or those of another run under runs/ to the
    same prompts of the same models; without any, from a prior. Claude's tokenizer is not public: if
    ANTHROPIC_API_KEY is set, its prompts are sent to Anthropic to be counted, which is free.

    A program of your own is rehearsed: write its command behind --. It runs twice, and its calls
    are answered here, with placeholders:

        afcost estimate -o plan.json -- python my_study.py
    """
    if _has_estimated_program(experiment):
        return
    _refuse_conflicts(texts=texts, requests=requests, batch=batch, by=by)
    source = experiment or BUILTIN_SOURCE
    written: tuple[str, ...] = ()
    if provider:
        model, written = _name_at_provider(source, provider, model, allow_download=allow_download)
    overrides = Overrides(
        model,
        limit,
        samples,
        max_tokens,
        tuple(map(_make_path_absolute, tokenizer)),
        price,
        tuple(str(path.absolute()) for path in prices),
        written,
        batch,
    )
    origin = click.get_current_context().get_parameter_source("tokenizer")
    options = EstimateOptions(
        run_date=on,
        count=count,
        use_cache=not no_cache,
        study=study,
        allow_download=allow_download,
        trusted=trust,
        # afcost.toml may be a stranger's.
        trust_overrides=origin is not ParameterSource.DEFAULT_MAP,
    )
    billed = _read_billed(history) if history else None
    estimation = Estimation(source, overrides, options, billed)
    if not (billed or no_history) and may_have_run(run_dir):
        estimation.find_answers(run_dir)
    limits = AccountLimits(rpm, tpm)
    if by is not None:
        estimation.choose_ways(by, run_dir, concurrency, limits)
    estimate = estimation.finish(requests, raw=raw, texts=texts)
    plan = estimate.plan
    if output:
        save_plan(plan, output)
    progress = find_progress(estimate, run_dir)
    time = make_timer(plan, estimate.experiment, progress, run_dir, concurrency, limits)(
        plan.models
    )
    if html is not None:
        from afcost.commands.planning.pages import (  # noqa: PLC0415 - an extra
            design_as_estimated,
            write_estimate_page,
        )

        design = design_as_estimated(
            source, estimation.overrides, options, billed, estimation.known
        )
        write_estimate_page(html, estimate, output, design, time)
    view = EstimateView(format, by_condition, raw, run_dir, by)
    if by is not None:
        view = replace(view, later=_find_later(estimate, progress, time, by))
    show_estimate(estimate, output, view, progress, time)
    estimate.book.keep_answers()
    if fail_over is not None and plan.total.q95 > fail_over.as_float:
        raise Refused(
            f"the 95% quantile, {draw.format_dollars(plan.total.q95)}, is above {fail_over}"
        )


def _has_estimated_program(experiment: str | None) -> bool:
    """Rehearse and estimate a program, where the command was given one.

    Raises:
        click.UsageError: it was given an experiment too, or options that are not for it.
    """
    program = program_words()
    if not program:
        refuse_program_options()
        return False
    if experiment:
        raise click.UsageError(f"{experiment}: expected an experiment, or a program, not both")
    from afcost.commands.planning.program_estimate import (  # noqa: PLC0415 - it runs programs
        estimate_program,
        read_request,
    )

    estimate_program(read_request(program))
    return True


def _name_at_provider(
    source: str, provider: str, models: tuple[str, ...], *, allow_download: bool
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return an experiment's models at a provider, and as its file names them if it says more."""
    spec = load_experiment(source, trust=user_trust(downloads=allow_download)).spec
    named = models or spec.models
    written = named if spec.says_more_of(named) else ()
    return tuple(at_provider(name, provider) for name in named), written


def _read_billed(path: Path) -> History:
    from estimator.forecast import read_history  # noqa: PLC0415 - few have such a file

    return read_history(path)


def _find_later(
    estimate: Estimate, progress: StudyProgress | None, time: PlanTime | None, by: datetime
) -> LaterStart | None:
    from afcost.commands.planning.by_time import find_cheaper_hours  # noqa: PLC0415 - few ask

    return find_cheaper_hours(estimate, list_left(estimate.plan, progress), time, by)


def _refuse_conflicts(
    *, texts: bool, requests: Path | None, batch: bool, by: datetime | None
) -> None:
    """Refuse options that exclude each other.

    Raises:
        click.UsageError: they do.
    """
    if texts and not requests:
        raise click.UsageError("--texts needs a file to write to: add --requests FILE.jsonl")
    if batch and by:
        raise click.UsageError("--by chooses between calls and batches; remove --batch")


def _make_path_absolute(tokenizer: str) -> str:
    """Make a tokenizer folder's path absolute; it may follow a model's name and `=`."""
    model, equals, source = tokenizer.partition("=")
    if not equals or Path(tokenizer).exists():
        model, equals, source = "", "", tokenizer
    if source.startswith("hf:"):
        return tokenizer
    return f"{model}{equals}{Path(source).resolve()}"
