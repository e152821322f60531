"""Templates: what prompts of one kind begin and end with.

Texts that share their first or last forty characters are of one template; after that, those that
share sixteen. A short template counts where most texts have it; else it is chance, as questions
begin alike.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from estimator.recorded.stages.prompt_parts import FixedText, count_shared

_WIDTHS = (40, 16)  # characters
_LONG = 40  # characters of a template that is no chance
_MOST_KEPT = 400  # characters of a beginning or an end
_LIKE = 0.5  # of a template's characters that a text of it has at least


@dataclass(frozen=True, slots=True)
class Template:
    """What the prompts of one kind begin and end with; either may be empty."""

    begin: str
    end: str

    @property
    def size(self) -> int:
        """How many characters it has."""
        return len(self.begin) + len(self.end)

    def find_likeness(self, text: str) -> int:
        """Return how many of its characters a text has; 0 where that is less than half of them."""
        if text.startswith(self.begin) and text.endswith(self.end):
            return self.size
        end = text[-len(self.end) :] if self.end else ""
        shared = count_shared(text, self.begin) + count_shared(end[::-1], self.end[::-1])
        return shared if shared >= _LIKE * self.size else 0


def find_templates(texts: Sequence[FixedText], *, is_later: bool = False) -> dict[str, Template]:
    """Return the template of each text that has one.

    Args:
        texts: of prompts that are alike in all else.
        is_later: in a conversation, what is asked again word for word is a template; at first it
            is a question of which several samples are drawn.
    """
    times = Counter(each.text for each in texts)
    distinct = {each.text: each for each in texts}
    groups: defaultdict[object, list[FixedText]] = defaultdict(list)
    keys = {text: list(_list_keys(each)) for text, each in distinct.items()}
    shared = Counter(key for found in keys.values() for key in found)
    for text, each in distinct.items():
        own = next((key for key in keys[text] if shared[key] > 1), None)
        groups[own if own is not None else ("alone", text)].append(each)
    found: dict[str, Template] = {}
    for group in groups.values():
        is_repeated = is_later and times[group[0].text] > 1
        template = _describe_group(group, is_repeated=is_repeated)
        if template.size and (is_repeated or _is_no_chance(template, group, len(distinct))):
            found |= {each.text: template for each in group}
    return found


def _list_keys(each: FixedText) -> Iterable[tuple[int, str, str]]:
    """Yield what a text may share, the longest first."""
    for width in _WIDTHS:
        if each.head >= width:
            yield width, "begin", each.text[:width]
        if each.tail >= width:
            yield width, "end", each.text[-width:]


def _describe_group(group: list[FixedText], *, is_repeated: bool) -> Template:
    """Return what all texts begin and end with; of one alone, what is around its answers."""
    if len(group) == 1 and not group[0].reads and not is_repeated:
        return Template("", "")
    begin = _share([each.text[: each.head] for each in group])
    rest = min(len(each.text) for each in group) - len(begin)
    ends = [each.text[::-1][: min(each.tail, rest)] for each in group]
    return Template(begin[:_MOST_KEPT], _share(ends)[:_MOST_KEPT][::-1])


def _share(texts: list[str]) -> str:
    """Return what all texts begin with."""
    least, greatest = min(texts), max(texts)
    return least[: count_shared(least, greatest)]


def _is_no_chance(template: Template, group: list[FixedText], among: int) -> bool:
    return template.size >= _LONG or 2 * len(group) >= among
