"""A provider's cache of prompts' beginnings, by Anthropic's rules or by OpenAI's, and its clock.

A beginning becomes readable when the first answer to a request that wrote it begins, and is
forgotten five minutes or an hour after it was last used. What is shorter than the least is not
cached, and nothing says so. https://platform.claude.com/docs/en/build-with-claude/prompt-caching
and https://platform.openai.com/docs/guides/prompt-caching.
"""

import math
import time
from dataclasses import dataclass, field
from typing import Literal

from tests.support.provider.caching.breakpoints import (
    Beginning,
    Json,
    Keep,
    list_marked,
    list_unasked,
)

SECONDS: dict[Keep, float] = {"5m": 300.0, "1h": 3600.0}
CacheRules = Literal["", "marked", "unasked"]


@dataclass
class Entry:
    """A beginning that can be read, and until when."""

    until: float
    keep: Keep


@dataclass(frozen=True)
class Cached:
    """What of a prompt's tokens is billed as cached, and what is written with its answer."""

    read: int = 0
    written: int = 0
    written_for_an_hour: int = 0
    writes: tuple[Beginning, ...] = ()


@dataclass
class PrefixCache:
    """All beginnings that a provider has cached; `ahead` is how far its clock was set forward."""

    entries: dict[str, Entry] = field(default_factory=dict)
    ahead: float = 0.0

    def now(self) -> float:
        """Return the seconds of its clock."""
        return time.monotonic() + self.ahead

    def take(self, rules: CacheRules, least: int, body: Json, tokens: int) -> Cached:
        """Read what of a prompt is cached; what is not is written when its answer begins.

        Args:
            rules: `marked` caches what a request marks, `unasked` whatever is long enough.
            least: the shortest beginning that is cached, in tokens.
            body: of the request.
            tokens: of the whole prompt.

        Raises:
            BadMarkError: a mark that the provider refuses.
        """
        if not rules:
            return Cached()
        found = list_marked(body) if rules == "marked" else list_unasked(body, least)
        long = [each for each in found if _size(each, tokens) >= least]
        read, now = 0, self.now()
        for beginning in long:
            entry = self.entries.get(beginning.key)
            if entry is not None and entry.until > now:
                entry.until = now + SECONDS[entry.keep]
                read = _size(beginning, tokens)
        writes = tuple(each for each in long if _size(each, tokens) > read)
        if rules == "unasked":  # for nothing
            return Cached(read, writes=writes)
        written = {"5m": 0, "1h": 0}
        so_far = read
        for each in writes:
            size = _size(each, tokens)
            written[each.keep] += size - so_far
            so_far = size
        return Cached(read, written["5m"], written["1h"], writes)

    def finish(self, cached: Cached) -> None:
        """Let what a request wrote be read, because its answer begins."""
        for each in cached.writes:
            until = self.now() + SECONDS[each.keep]
            self.entries[each.key] = Entry(until, each.keep)


def _size(beginning: Beginning, tokens: int) -> int:
    return math.floor(beginning.share * tokens + 0.5)
