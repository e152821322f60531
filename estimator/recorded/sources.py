"""Sources: whose answers the prompts of a stage contain.

It is known by the questions: a prompt that has an answer in it mostly has what was asked, too, or
goes on with its conversation. Where it does not, the answers are those of the calls that read none.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

from estimator.recorded.read_calls import ReadCall
from estimator.recorded.stages import split_prompt
from estimator.workload import StratumKey

_MOST_ASKED = 24  # calls of a stratum, which say it for all
_SHORTEST = 12  # characters of a question by which a prompt is known

Shares = dict[StratumKey, float]


def find_sources(calls: Sequence[ReadCall], keys: Sequence[StratumKey]) -> dict[StratumKey, Shares]:
    """Return, for each stratum that reads answers, whose they are; the shares add up to 1.

    Args:
        calls: in order of arrival.
        keys: the stratum of each.
    """
    readers: defaultdict[StratumKey, list[int]] = defaultdict(list)
    for at, each in enumerate(calls):
        if each.reads:
            readers[keys[at]].append(at)
    asked = [split_prompt(each.call).last.strip() for each in calls]
    plain = Counter(key for key in keys if key not in readers)
    found = {}
    for key, places in readers.items():
        step = max(1, len(places) // _MOST_ASKED)
        votes = Counter(
            filter(None, (_find_source(at, calls, keys, asked) for at in places[::step]))
        )
        found[key] = _share(
            votes or plain or Counter(k for k in keys if k != key) or Counter([key])
        )
    return found


def _find_source(
    at: int, calls: Sequence[ReadCall], keys: Sequence[StratumKey], asked: Sequence[str]
) -> StratumKey | None:
    """Return the stratum of the newest call before it whose question is in a call's prompt."""
    text = "\n".join(each.content for each in calls[at].call.messages)
    own = asked[at]
    for earlier in range(at - 1, -1, -1):
        question = asked[earlier]
        if len(question) >= _SHORTEST and question != own and question in text:
            return keys[earlier]
    return None


def _share(votes: Counter[StratumKey]) -> Shares:
    return {key: count / votes.total() for key, count in votes.items()}
