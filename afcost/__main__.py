"""Entry point of `afcost`: checks for shadowed packages before importing any other."""

from __future__ import annotations

import gc
import logging
import os
import sys

from afcost.import_guard import find_shadowed_package


def main() -> None:
    """Run the command line, and exit with its exit code."""
    if problem := find_shadowed_package():
        sys.stderr.write(f"afcost: {problem}\n")
        sys.exit(1)
    gc.disable()  # what is imported stays; `LazyGroup` turns it on again
    # Pydantic would read what every installed package offers, to let it change how files are read.
    os.environ["PYDANTIC_DISABLE_PLUGINS"] = "__all__"
    from afcost.cli import run_cli  # noqa: PLC0415 - after the check

    logging.captureWarnings(capture=True)  # warnings are filtered as all else is
    sys.exit(run_cli(sys.argv[1:]))


if __name__ == "__main__":
    main()
