"""Lies about usage: over two runs with learning between, no true bill exceeds its cap.

pytest -m campaigns tests/faults/test_lies.py    # a sixth of the lies to each API, drawn
pytest -m faults tests/faults/test_lies.py       # every other, and all with other answers
"""

import random

import pytest

from tests.faults.lies import perform_lie
from tests.support.provider.lies import LIES, VISIBLE_ONLY

CASES = [
    pytest.param(api, lie, hides, id=f"{api}, {lie or 'the truth'}{', hidden' * hides}")
    for api, lies in LIES.items()
    for lie in ("", *lies)
    for hides in (False, True)
    if not (hides and lie in VISIBLE_ONLY)
]
FEW = [
    each
    for each in CASES
    if each.values[1] in ("", "prompt_tokens is less by a constant", "both are zero")
]


def draw_sixth():
    """Return every sixth case of each API in a seeded order, but for the few."""
    chosen = []
    for api in LIES:
        own = [each for each in CASES if each.values[0] == api and each not in FEW]
        chosen += random.Random(f"lies to {api}").sample(own, -(-len(own) // 6))
    return chosen


CI = draw_sixth()


def check(place, api, lie, *, hides, seed=0):
    runs = perform_lie(place, api, lie, hides=hides, seed=seed)
    for run in runs:
        assert run.of_cap <= 1, run
        assert run.booked >= run.of_cap, run
        assert run.calls > 0, run
    if not lie:
        assert min(run.of_cap for run in runs) >= 0.85, "one of six jobs may not fit any more"


@pytest.mark.parametrize(("api", "lie", "hides"), FEW)
def test_a_few_lies(api, lie, hides, place):
    check(place, api, lie, hides=hides)


@pytest.mark.campaigns
@pytest.mark.parametrize(("api", "lie", "hides"), CI)
def test_a_sixth_of_the_lies(api, lie, hides, place):
    check(place, api, lie, hides=hides)


@pytest.mark.faults
@pytest.mark.parametrize(
    ("api", "lie", "hides"), [each for each in CASES if each not in (*FEW, *CI)]
)
def test_every_other_lie(api, lie, hides, place):
    check(place, api, lie, hides=hides)


@pytest.mark.faults
@pytest.mark.parametrize("seed", range(1, 4))
@pytest.mark.parametrize(("api", "lie", "hides"), CASES)
def test_every_lie_of_other_answers(api, lie, hides, seed, place):
    check(place, api, lie, hides=hides, seed=seed)
