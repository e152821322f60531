"""Hostile inputs as data: what they change in a small experiment, and what must come of it.

`inputs/*.yaml` are tables of them. Each file is `{kind, defaults, inputs}` or, where one hostile
value may stand in several places, `{kind, defaults, places, values}`: every value is tried in each
place that it names, or in all of them, with `${VALUE}` in the place's fields replaced by it.

Sizes are written, not stored: `!repeat [text, times]`, `!nest [open, inside, close, times]`,
`!join [part, …]`, `!bytes "…"` (each character one byte), `!json value`, `!gzip part`,
`!zeros size` (compressed).
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

import yaml

TABLES = Path(__file__).parent / "inputs"
VALUE = "${VALUE}"
OWN_KEY = "LAB_KEY"
Phase = Literal["estimate", "approve", "run"]


@dataclass(frozen=True)
class HostileInput:
    """One hostile input.

    Attributes:
        id: its name, unique among its kind.
        kind: what it is: a path, a template, an answer …
        what: in one line, what is hostile about it.
        phase: the last command that it is given to; what comes before must not send anything.
        outcome: `refused`: by that command at the latest, with a message that names one of `names`;
            `ok`: all commands do their work; `stopped`: the run names what is wrong and ends;
            `any`: one of these.
        names: one of these stands in the message of a refusal.
        shows: texts that stand in the output.
        hides: texts that stand in no output and no file.
        experiment: fields to change in the small experiment; null removes one.
        text: the experiment file's whole text instead.
        append: text that is added at the file's end.
        files: files to make, by path from the experiment's folder. A text or bytes; or a mapping:
            `link`, `fifo`, `socket`, `folder`, `size` (of a sparse file), and `mode`.
        environment: variables to set.
        arguments: of each command, by its name.
        server: what the provider answers: `subject`, `judge`, `models`; see `server.py`.
        edits: `after` a command, `files` to replace, `json` fields to change, `sql` to execute.
        asked: the user asked for something to be sent before an approval.
        umask: that the commands run under.
        interrupt: seconds after which the run gets a Ctrl-C.
        calls: the most calls that the provider may get.
        booked: tokens that each answer was billed, at least, whatever its usage says.
        judge_receives: a text that the judge must get as it is.
        key: the variable whose key may go to the provider.
    """

    id: str
    kind: str
    what: str
    outcome: Literal["refused", "ok", "stopped", "any"]
    phase: Phase = "estimate"
    names: tuple[str, ...] = ()
    shows: tuple[str, ...] = ()
    hides: tuple[str, ...] = ()
    experiment: Any = None
    text: Any = None
    append: Any = None
    files: Mapping[str, Any] = field(default_factory=dict)
    environment: Mapping[str, Any] = field(default_factory=dict)
    arguments: Mapping[str, Any] = field(default_factory=dict)
    server: Mapping[str, Any] = field(default_factory=dict)
    edits: Mapping[str, Any] = field(default_factory=dict)
    asked: bool = False
    umask: int = 0o022
    interrupt: float = 0.0
    calls: int = 40
    booked: int = 0
    judge_receives: str = ""
    key: str = OWN_KEY

    @property
    def name(self) -> str:
        """What it is called in tests."""
        return f"{self.kind}-{self.id}"


@dataclass(frozen=True)
class Written:
    """A text or bytes that a table describes, made when it is needed."""

    make: Callable[[], str | bytes]


def read_inputs() -> list[HostileInput]:
    """Read all tables, and see that no name is given twice."""
    inputs = [each for path in sorted(TABLES.glob("*.yaml")) for each in read_table(path)]
    names = [each.name for each in inputs]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise ValueError(f"given twice: {', '.join(sorted(twice))}")
    return inputs


def read_table(path: Path) -> Iterator[HostileInput]:
    """Read the inputs of one table."""
    table = yaml.load(path.read_text(encoding="utf-8"), _TableLoader)  # noqa: S506 - a SafeLoader
    shared = {"kind": table["kind"]} | table.get("defaults", {})
    for row in table.get("inputs", ()):
        yield _input(shared | row)
    for row in table.get("values", ()):
        for place in row.pop("places", None) or table["places"]:
            yield _input(shared | _in_place(row, place, table["places"][place]))


def expand(value: Any, names: Mapping[str, str]) -> Any:
    """Make all that is `Written`, and replace `${NAME}` in texts."""
    match value:
        case Written():
            return expand(value.make(), names)
        case str():
            for name, text in names.items():
                value = value.replace(f"${{{name}}}", text)
            return value
        case Mapping():
            return {expand(key, names): expand(each, names) for key, each in value.items()}
        case list() | tuple():
            return [expand(each, names) for each in value]
        case _:
            return value


def _input(row: dict[str, Any]) -> HostileInput:
    known = {each.name for each in fields(HostileInput)}
    if unknown := row.keys() - known:
        raise ValueError(f"{row.get('id')}: no field {', '.join(unknown)}")
    texts = {name: tuple(row[name]) for name in ("names", "shows", "hides") if name in row}
    return HostileInput(**(row | texts))


def _in_place(row: dict[str, Any], name: str, place: dict[str, Any]) -> dict[str, Any]:
    """Put a row's value where a place says; files of both are made."""
    given = {key: each for key, each in row.items() if key != "value"}
    put = _replace(place, expand(row["value"], {}))
    files = put.get("files", {}) | given.get("files", {})
    what = f"{row['what']}, as {put.pop('what')}"
    names = [*put.get("names", ()), *given.get("names", ())]
    merged = put | given | {"id": f"{row['id']}-as-{name}", "what": what, "files": files}
    return merged | ({"names": names} if names else {})


def _replace(place: Any, value: str) -> Any:
    match place:
        case str():
            return place.replace(VALUE, value)
        case dict():
            return {_replace(key, value): _replace(each, value) for key, each in place.items()}
        case list():
            return [_replace(each, value) for each in place]
        case _:
            return place


class _TableLoader(yaml.SafeLoader):
    """Reads the tags that are described above."""


def _tag(name: str, make: Callable[..., str | bytes]) -> None:
    def construct(loader: yaml.SafeLoader, node: yaml.Node) -> Written:
        if isinstance(node, yaml.SequenceNode):
            parts = loader.construct_sequence(node, deep=True)
        elif isinstance(node, yaml.MappingNode):
            parts = [loader.construct_mapping(node, deep=True)]
        else:
            assert isinstance(node, yaml.ScalarNode)
            parts = [loader.construct_scalar(node)]
        return Written(lambda: make(*(expand(part, {}) for part in parts)))

    _TableLoader.add_constructor(name, construct)


def _join(*parts: str | bytes) -> str | bytes:
    if all(isinstance(part, str) for part in parts):
        return "".join(str(part) for part in parts)
    return b"".join(_encode(part) for part in parts)


def _compress_zeros(size: int) -> Iterator[bytes]:
    """Write gzip that unpacks to so many zeros, without ever holding them."""
    packer, block = zlib.compressobj(wbits=31), bytes(2**20)
    yield from (packer.compress(block) for _ in range(size // len(block)))
    yield packer.flush()


def _encode(part: str | bytes) -> bytes:
    return part if isinstance(part, bytes) else part.encode("utf-8", "surrogatepass")


_tag("!repeat", lambda part, times: part * times)
_tag("!nest", lambda before, inside, after, times: before * times + inside + after * times)
_tag("!numbered", lambda text, times: "".join(text.replace("#", str(n)) for n in range(times)))
_tag("!join", _join)
_tag("!bytes", lambda text: text.encode("latin-1"))
_tag("!json", json.dumps)
_tag("!zeros", lambda size: b"".join(_compress_zeros(int(size))))
_tag("!gzip", lambda part: gzip.compress(_encode(part), mtime=0))
