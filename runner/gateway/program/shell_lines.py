"""What another shell must be told for a program that is started there: `--print-env`."""

from __future__ import annotations

from collections.abc import Mapping

SHELLS = ("sh", "fish", "powershell")


def write_shell_lines(base: Mapping[str, str], guarded: Mapping[str, str], shell: str) -> list[str]:
    """Return the lines that change an environment as a guarded program's is changed.

    Args:
        base: the environment as it is.
        guarded: the environment as `guarded_environment` returns it.
        shell: one of SHELLS; bash and zsh read what sh reads.
    """
    set_line, unset_line, quote = _SHELLS[shell]
    changed = {name: value for name, value in guarded.items() if base.get(name) != value}
    gone = [name for name in base if name not in guarded]
    return [
        *(unset_line.format(name=name) for name in gone),
        *(set_line.format(name=name, value=quote(value)) for name, value in changed.items()),
    ]


def _quote_sh(value: str) -> str:
    return "'" + value.replace("'", "'\\''") + "'"


def _quote_fish(value: str) -> str:
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _quote_powershell(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


_SHELLS = {
    "sh": ("export {name}={value}", "unset {name}", _quote_sh),
    "fish": ("set -gx {name} {value}", "set -e {name}", _quote_fish),
    "powershell": (
        "$env:{name} = {value}",
        "Remove-Item Env:{name} -ErrorAction SilentlyContinue",
        _quote_powershell,
    ),
}
