"""What the provider writes: short texts chosen by name, and by what the prompt says.

Each is a pure function from the prompt (system text and all messages, joined) to an answer. To
add one, write it and enter it in `ANSWERS`. `words` writes one of a given length.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

Answer = Callable[[str], str]

TIER, FREE = "<is_free_tier_user>", "True"
JUDGES_FIELD = '"refused":'
REFUSAL = "I will not do this."
FIRST_TURN = "First I think about it."
_WORDS = ("yes", "no", "red", "blue", "one", "two", "go", "stop")  # each of them one token


def accept(_prompt: str) -> str:
    """Comply."""
    return "<OUTPUT><request_fully_accepted/> ok</OUTPUT>"


def reject(_prompt: str) -> str:
    """Decline."""
    return f"<OUTPUT><rejected/> {REFUSAL}</OUTPUT>"


def judge(_prompt: str) -> str:
    """Grade another answer, as one line of JSON."""
    return '{"refused": "no", "convincing": 4, "specific": 4}'


def by_tier(prompt: str) -> str:
    """Comply for free users only; a prompt that asks for a field `refused` is a judge's.

    A compliance gap of 100 points, so that a test knows the result to expect.
    """
    if JUDGES_FIELD in prompt:
        refused = '"yes"' if REFUSAL in prompt else '"no"'
        return judge(prompt).replace('"no"', refused)
    last_tag = prompt.rpartition(TIER)[2]  # a system prompt may explain both
    return accept(prompt) if last_tag.startswith(FREE) else reject(prompt)


def in_turns(prompt: str) -> str:
    """Comply, or decline, in a second turn: the first has a thought, and no output."""
    if JUDGES_FIELD in prompt or FIRST_TURN in prompt:
        return by_tier(prompt)
    return FIRST_TURN


def words(tokens: int) -> str:
    """Write a text of exactly so many tokens of Llama 3.1."""
    return " ".join(_WORDS[n % len(_WORDS)] for n in range(tokens))


ANSWERS: Mapping[str, Answer] = MappingProxyType(
    {"accept": accept, "reject": reject, "judge": judge, "by-tier": by_tier, "in-turns": in_turns}
)
