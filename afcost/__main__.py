"""Where `afcost` starts: shadowing is checked before any other package is imported."""

from __future__ import annotations

import sys

from afcost.import_guard import shadowed


def main() -> None:
    """Run the command line, and end with its exit code."""
    if problem := shadowed():
        sys.stderr.write(f"afcost: {problem}\n")
        sys.exit(1)
    from afcost.cli import start  # noqa: PLC0415 - after the check

    sys.exit(start(sys.argv[1:]))


if __name__ == "__main__":
    main()
