"""Merging the pieces of an answer: texts are joined, lists go on, all else is replaced."""

from __future__ import annotations

from typing import Any

# Texts that are said again, and not gone on with.
_NAMES = frozenset({"role", "type", "id", "name", "index", "format", "object", "status", "phase"})
_MOST_INDEX = 4096
_TOO_LONG = 1 << 60
_DEEPEST = 50  # objects and lists in each other; what is deeper is left out


class TextBudget:
    """How many characters of an answer are kept; its figures are kept in any case.

    Attributes:
        is_spent: text was left out.
    """

    def __init__(self, max_chars: int) -> None:
        self._left = max_chars
        self.is_spent = False

    def take(self, size: int) -> bool:
        """Return whether so many characters more are kept."""
        if size > self._left:
            self.is_spent = True
            self._left = 0
            return False
        self._left -= size
        return True


def merge_piece(
    whole: dict[str, Any], piece: dict[str, Any], budget: TextBudget, depth: int = 0
) -> None:
    """Merge a piece into what came before it.

    Texts are kept in lists of pieces until `join_pieces`, since joining each would take time that
    grows with the square of their length.
    """
    for name, value in piece.items() if depth < _DEEPEST else ():
        if value is None:
            whole.setdefault(name, None)
        elif isinstance(value, str):
            _merge_text(whole, name, value, budget)
        elif isinstance(value, dict):
            inside = whole.get(name)
            if not isinstance(inside, dict):
                inside = whole[name] = {}
            merge_piece(inside, value, budget, depth + 1)
        elif isinstance(value, list):
            _merge_list(whole, name, value, budget, depth + 1)
        else:
            whole[name] = value


def join_pieces(value: Any) -> Any:  # noqa: ANN401 - whatever JSON holds
    """Return a merged value with its texts whole."""
    if isinstance(value, _Text):
        return "".join(value.pieces)
    if isinstance(value, dict):
        return {name: join_pieces(each) for name, each in value.items()}
    return [join_pieces(each) for each in value] if isinstance(value, list) else value


class _Text:
    """A text in pieces."""

    __slots__ = ("pieces",)

    def __init__(self, first: str) -> None:
        self.pieces = [first]


def _merge_text(whole: dict[str, Any], name: str, value: str, budget: TextBudget) -> None:
    before = whole.get(name)
    if name in _NAMES:
        if value or before is None:
            whole[name] = value
    elif budget.take(len(value)):
        if isinstance(before, _Text):
            before.pieces.append(value)
        elif isinstance(before, list):  # a content in parts that goes on as a text
            before.append({"type": "text", "text": value})
        else:
            whole[name] = _Text(value)


def _merge_list(
    whole: dict[str, Any], name: str, pieces: list[Any], budget: TextBudget, depth: int
) -> None:
    before = whole.get(name)
    if isinstance(before, _Text):  # a content that goes on in parts
        whole[name] = [{"type": "text", "text": before}]
    elif not isinstance(before, list):
        whole[name] = []
    items = whole[name]
    for piece in pieces:
        same = _find_same(items, piece)
        if same is not None:
            merge_piece(same, piece, budget, depth + 1)
        elif (size := _measure(piece, depth)) < _TOO_LONG and budget.take(size):
            items.append(_open(piece, depth))


def _find_same(items: list[Any], piece: Any) -> dict[str, Any] | None:  # noqa: ANN401 - any JSON
    """Return the item that a piece goes on with: that of its index and type."""
    if not isinstance(piece, dict) or not isinstance(index := piece.get("index"), int):
        return None
    kind = piece.get("type")
    recent = items[-_MOST_INDEX:]
    for item in reversed(recent):
        if isinstance(item, dict) and item.get("index") == index:
            return item if kind is None or item.get("type") in (None, kind) else None
    return None


def _open(piece: Any, depth: int) -> Any:  # noqa: ANN401 - whatever JSON holds
    """Return a new item with its texts open, so that later pieces go on with them."""
    if not isinstance(piece, dict):
        return piece
    opened: dict[str, Any] = {}
    merge_piece(opened, piece, TextBudget(_TOO_LONG), depth)
    return opened


def _measure(value: Any, depth: int) -> int:  # noqa: ANN401 - whatever JSON holds
    """Return about how many characters a value holds; too many where it is nested too deeply."""
    if depth > _DEEPEST:
        return _TOO_LONG
    if isinstance(value, str):
        return len(value)
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 8 + sum(_measure(each, depth + 1) for each in inner)
