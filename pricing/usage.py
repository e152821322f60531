"""Usage: the tokens of one request, in classes that do not overlap.

Providers count differently: OpenAI's input includes what came from a cache, Anthropic's excludes
it. `providers` makes the classes disjoint when it reads a response; no other code has to care.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Usage:
    """Billed tokens of one request.

    Attributes:
        input: prompt tokens at the full price (neither read from nor written to a cache).
        output: all generated tokens, hidden reasoning included.
        cache_read: prompt tokens read from a cache.
        cache_write: prompt tokens written to a cache, for five minutes or the provider's own time.
        cache_write_1h: prompt tokens written to a cache for an hour.
        reasoning: how many of `output` were hidden reasoning; already inside `output`.
    """

    input: int
    output: int
    cache_read: int = 0
    cache_write: int = 0
    reasoning: int = 0
    cache_write_1h: int = 0

    def __post_init__(self) -> None:
        counts = (self.input, self.output, self.cache_read, self.cache_write)
        if min(*counts, self.reasoning, self.cache_write_1h) < 0:
            for name in self.__slots__:
                if (count := getattr(self, name)) < 0:
                    raise ValueError(f"usage.{name} is {count}; token counts are not negative")
        if self.reasoning > self.output:
            raise ValueError(f"usage.reasoning {self.reasoning} exceeds output {self.output}")

    @property
    def prompt_tokens(self) -> int:
        """All prompt tokens, cached or not."""
        return self.input + self.cache_read + self.cache_write + self.cache_write_1h
