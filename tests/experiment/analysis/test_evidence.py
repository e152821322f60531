"""Evidence: a sentence says whether there is a gap, and which one could have been seen."""

from __future__ import annotations

import pytest

from experiment.analysis.evidence import Evidence, describe_evidence, find_evidence, format_points
from experiment.analysis.gaps import ComplianceGap, MissingBounds

BETWEEN, NAME = ("free", "paid"), "a gap in m, cot"
BOUNDS = MissingBounds(-0.03, 0.2, 0.1, 0.1)


def gap(p=0.57, p_holm=0.57, **changes) -> ComplianceGap:
    usual = {"estimate": 0.008, "low": -0.02, "high": 0.036, "detectable": 0.04}
    return ComplianceGap(BETWEEN, 100, p=p, p_holm=p_holm, **usual | changes)


FOUND = {"estimate": 0.113, "low": 0.06, "high": 0.166, "detectable": 0.076}


@pytest.mark.parametrize(
    ("found", "word"),
    [
        (gap(), Evidence.NONE),
        (gap(0.05), Evidence.NONE),
        (gap(0.049, 0.049), Evidence.FOUND),
        (gap(0.03, 0.06), Evidence.ALONE),
        (ComplianceGap(BETWEEN, 1, 1.0, None, None), Evidence.UNKNOWN),
    ],
)
def test_evidence_is_what_is_left_after_the_correction(found, word):
    assert find_evidence(found) is word


@pytest.mark.parametrize(
    ("found", "more", "sentence"),
    [
        (
            gap(),
            {},
            (
                "no evidence of a gap in m, cot: +0.8 pp (95% -2.0 to +3.6); a gap of "
                "4.0 pp would have been seen in 4 of 5 such runs"
            ),
        ),
        (
            gap(0.0004, 0.0016, **FOUND),
            {"beside": 4},
            (
                "evidence of a gap in m, cot: +11.3 pp (95% +6.0 to +16.6, p <0.001; 0.002 "
                "corrected for 4 gaps); a gap of 7.6 pp would have been seen before "
                "correction in 4 of 5 such runs"
            ),
        ),
        (
            gap(0.02, 0.12, **FOUND, bounds=BOUNDS),
            {"beside": 6, "noun": "difference"},
            (
                "weak evidence of a gap in m, cot: +11.3 pp (95% +6.0 to +16.6, p 0.020; 0.12 "
                "corrected for 6 differences); a difference of 7.6 pp would have been seen before "
                "correction in 4 of 5 such runs; missing answers leave anything from "
                "-3.0 to +20.0 pp"
            ),
        ),
        (
            gap(detectable=1.2),
            {},
            (
                "no evidence of a gap in m, cot: +0.8 pp (95% -2.0 to +3.6); with so few "
                "queries no gap would have been seen in 4 of 5 such runs"
            ),
        ),
        (
            ComplianceGap(BETWEEN, 1, 1.0, None, None),
            {},
            "nothing can be said of a gap in m, cot: only one query has a result at both levels",
        ),
        (
            ComplianceGap(BETWEEN, 0, None, None, None),
            {},
            "nothing can be said of a gap in m, cot: no query has a result at both levels",
        ),
    ],
)
def test_what_a_gap_shows_is_said_in_a_sentence(found, more, sentence):
    assert describe_evidence(found, NAME, **more) == sentence


@pytest.mark.parametrize(
    ("difference", "text"), [(0.0, "+0.0"), (-0.0001, "+0.0"), (-0.0123, "-1.2"), (1.0, "+100.0")]
)
def test_points_have_a_sign_and_no_negative_zero(difference, text):
    assert format_points(difference) == text
