"""The `afcost` command: registers all commands, and imports each only when it is called."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path

import click

from afcost import __version__, errors
from afcost.error_output import filter_errors, print_error, print_traceback
from afcost.lazy_group import LazyGroup
from experiment.errors import RefusedFile

# Heading in the help -> command -> (its module, what the help says). A folder for each heading.
COMMANDS = {
    "Planning": {
        "init": (
            "afcost.commands.planning.init",
            "Copy a built-in experiment into a folder for editing.",
        ),
        "estimate": (
            "afcost.commands.planning.estimate",
            "Forecast what an experiment or any program costs.",
        ),
        "design": (
            "afcost.commands.planning.design",
            "Show which gap a budget can find: queries x samples.",
        ),
        "approve": (
            "afcost.commands.planning.approve",
            "Approve a plan, up to a cap in US dollars.",
        ),
        "import": (
            "afcost.commands.planning.import_answers",
            "Make a run of the answers in other people's files.",
        ),
    },
    "Running": {
        "pilot": (
            "afcost.commands.running.pilot",
            "Run a few queries of a plan, and rest its forecast on them.",
        ),
        "run": (
            "afcost.commands.running.run",
            "Run an approved plan within its cap, or resume it.",
        ),
        "guard": (
            "afcost.commands.running.guard",
            "Run any program, with a cap on what its calls cost.",
        ),
        "inspect": (
            "afcost.commands.running.inspect",
            "Run evaluations of Inspect within a cap.",
        ),
        "status": ("afcost.commands.running.status", "Show the progress and cost of a run."),
        "view": ("afcost.commands.running.view", "Watch a run, or all runs, in a browser."),
        "batches": (
            "afcost.commands.running.batches",
            "List a run's batches; cancel them, or give one up.",
        ),
        "pause": ("afcost.commands.running.control", "Let a run send nothing more for now."),
        "resume": ("afcost.commands.running.control", "Let a paused run go on."),
        "stop": ("afcost.commands.running.control", "End a run, as Ctrl-C does."),
        "ledger": (
            "afcost.commands.running.ledger",
            "Show a run's ledger; reconcile held amounts.",
        ),
    },
    "Results": {
        "report": (
            "afcost.commands.results.report",
            "Compare planned with actual cost and show the result.",
        ),
        "calibration": (
            "afcost.commands.results.calibration",
            "Show how often the ranges of finished runs held.",
        ),
        "label": (
            "afcost.commands.results.label",
            "Draw answers to label by hand, to hold judges against.",
        ),
        "show": ("afcost.commands.results.show", "Page through what was sent and said."),
        "export": (
            "afcost.commands.results.export",
            "Write all answers and verdicts to a file, or an Inspect log.",
        ),
        "rejudge": (
            "afcost.commands.results.rejudge",
            "Ask other judges about a run's stored answers.",
        ),
        "reproduce": (
            "afcost.commands.results.reproduce",
            "Plan a run's experiment again; say whether it is the same.",
        ),
    },
    "Prices and tokenizers": {
        "prices": ("afcost.commands.data.prices", "Look up, compare, update and check prices."),
        "models": (
            "afcost.commands.data.models",
            "Show what models take: reasoning, sampling, prefill.",
        ),
        "tokenizers": (
            "afcost.commands.data.tokenizers",
            "List tokenizers and how exact their counts are.",
        ),
        "trust": (
            "afcost.commands.data.trust",
            "Let experiments read files in a folder of your own.",
        ),
        "doctor": ("afcost.commands.data.doctor", "Check tokenizers, cache and calibration."),
    },
}


_MAX_SETTINGS = 1 << 20  # bytes
# One value alone needs no list.
_REPEATABLE_OPTIONS = ("model", "tokenizer", "price", "prices")
# The user's word. A folder with an afcost.toml may come from a stranger.
_CONSENTS = (
    *("allow_download", "allow-download", "trust", "yes"),
    *("accept_price", "accept-price", "accept_field", "accept-field"),
)


@click.group(
    cls=LazyGroup, sections=COMMANDS, context_settings={"help_option_names": ["-h", "--help"]}
)
@click.version_option(__version__, message="%(prog)s %(version)s")
@click.option("--no-color", is_flag=True, help="Print without colors (same as NO_COLOR).")
@click.pass_context
def cli(ctx: click.Context, *, no_color: bool) -> None:
    """Know what an experiment on language models costs before it runs, and never pay more.

    \b
      afcost estimate --model llama-3.1-70b -o plan.json    what will it cost?
      afcost approve plan.json --cap 5                      allow it, up to $5
      afcost run plan.json                                  never above the cap
      afcost report runs/…                                  planned against actual

    Options can also be set by AFCOST_… environment variables and in afcost.toml.
    """  # noqa: D301 - \b is click's
    if no_color:
        os.environ["NO_COLOR"] = "1"
    ctx.default_map = _load_defaults(Path("afcost.toml"))


def run_cli(arguments: list[str]) -> int:
    """Run the command line and return its exit code."""
    filter_errors()
    try:
        code = cli.main(arguments, "afcost", standalone_mode=False, auto_envvar_prefix="AFCOST")
    except click.ClickException as error:
        said = io.StringIO()
        error.show(said)
        print_error(said.getvalue())
        return error.exit_code
    except click.exceptions.Abort:
        return errors.INTERRUPTED
    except KeyboardInterrupt:
        return errors.INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return errors.ERROR
    except Exception as error:  # noqa: BLE001 - a traceback of Python's own could show a key
        return _show_error(error)
    return code if isinstance(code, int) else errors.DONE


def _show_error(error: Exception) -> int:
    """Print an error, with its traceback where it is a mistake of afcost's own."""
    if (code := errors.exit_code(error)) is None:
        print_traceback(error)
        return errors.ERROR
    if isinstance(error, OSError) and error.filename:
        print_error(f"afcost: {error.filename}: {error.strerror}")
    else:
        print_error(f"afcost: {error}")
    return code


def _load_defaults(path: Path) -> dict[str, object]:
    if not path.exists():
        return {}
    import tomllib  # noqa: PLC0415 - takes long, and few have such a file

    from experiment.file_access import read_user_file  # noqa: PLC0415

    try:
        settings = tomllib.loads(read_user_file(path, _MAX_SETTINGS).decode())
    except RecursionError as error:
        raise click.UsageError(f"cannot read {path}: its values are nested too deep") from error
    except (OSError, ValueError, RefusedFile) as error:  # ValueError: not TOML, or not UTF-8
        raise click.UsageError(f"cannot read {path}: {error}") from error
    for command, options in settings.items():
        given = options.keys() & set(_CONSENTS) if isinstance(options, dict) else ()
        if given:
            raise click.UsageError(
                f"{path}: {command}: {min(given)} can only be given on the command line, or in "
                "the environment; remove it"
            )
        for name in _REPEATABLE_OPTIONS if isinstance(options, dict) else ():
            if isinstance(options.get(name), str):
                options[name] = [options[name]]
    return settings
