"""Found answers: what a row of a file says of one answer, checked where it is read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from experiment.scoring import ReasoningForm
from providers.apis import name_finish
from runner.errors import BadImport
from runner.imports import formats
from runner.imports.formats import Format
from runner.imports.source_row import SourceRow, replace_surrogates

NO_LEVEL = "none"
_FREE, _PAID = "free", "paid"
_MAX_LEVEL = 100  # characters
_MAX_TOKENS = 10**8  # of an answer
_OUTPUT_TAG = "<OUTPUT>"
_TIER_TAG = re.compile(r"<is_free_tier_user>\s*(\w{1,8})\s*</is_free_tier_user>", re.IGNORECASE)
_QUERY_TAGS = ("<user_input>", "</user_input>")
_TRUE, _FALSE = {"true", "1", "1.0", "yes"}, {"false", "0", "0.0", "no"}
_TIERS = {
    _FREE: {"free", "free-tier", "free_tier", "free tier", "f"},
    _PAID: {"paid", "paid-tier", "paid_tier", "paid tier", "p"},
}


@dataclass(frozen=True, slots=True)
class FoundAnswer:
    """An answer of a file.

    Attributes:
        row: where it is.
        model: as the file names it.
        levels: factor -> level.
        query: its text.
        query_key: what tells it from other queries.
        sample: as the file numbers it; None where it does not.
        text: of the answer; None where the row has none.
        reasoning: shown apart from the text.
        reasoning_form: what it is: a `scratchpad` where its column is called so.
        finish: why it ended.
        refusal: what the model says of why it does not answer.
        tokens: input, output, and of these hidden; 0 where the file does not say.
    """

    row: SourceRow
    model: str
    levels: dict[str, str]
    query: str
    query_key: str
    sample: str | None
    text: str | None
    reasoning: str
    reasoning_form: ReasoningForm
    finish: str
    refusal: str
    tokens: tuple[int, int, int]


def read_answer_of_row(row: SourceRow, format_: Format, model: str = "") -> FoundAnswer:
    """Read a row.

    Args:
        row: of a file.
        format_: of the file.
        model: the name of the model, where no column has one.

    Raises:
        BadImport: names the place, the column and what is wrong.
    """
    read = _RowReader(row, format_)
    text, reasoning = read.answer()
    name = model or read.text(formats.MODEL)
    if not name:
        raise BadImport(f"{row}: no model is named; add --model NAME, or --map model=COLUMN")
    query = read.query()
    return FoundAnswer(
        row,
        name,
        read.levels(),
        query,
        read.text(formats.QUERY_ID) or query,
        read.text(formats.SAMPLE) or None,
        text,
        reasoning,
        read.reasoning_form(),
        "error" if text is None else name_finish(read.text(formats.FINISH) or "stop"),
        read.text(formats.REFUSAL),
        read.tokens(),
    )


class _RowReader:
    def __init__(self, row: SourceRow, format_: Format) -> None:
        self._row, self._format = row, format_

    def find(self, columns: tuple[str, ...]) -> tuple[str, Any]:
        """Return the first of some columns that holds something, and what it holds."""
        for column in columns:
            if column == "@file":
                return column, Path(self._row.file).stem
            if (value := self._row.find(column)) is not None:
                return column, value
        return "", None

    def text(self, part: str) -> str:
        """Return a part of an answer as text; empty where there is none."""
        column, value = self.find(self._format.parts.get(part, ()))
        if isinstance(value, Mapping | list):
            raise BadImport(f"{self._row}: {column} is {type(value).__name__}, expected text")
        return "" if value is None else replace_surrogates(str(value))

    def answer(self) -> tuple[str | None, str]:
        """Return the text of an answer, None where there is none, and its reasoning.

        Where the text has no output tag and the output stands apart from it, that is the text.
        """
        column, value = self.find(self._format.parts[formats.ANSWER])
        output, reasoning = self.text(formats.OUTPUT), self.text(formats.REASONING)
        if value is None and not output:
            return None, ""
        if value is not None and not isinstance(value, str):
            raise BadImport(
                f"{self._row}: {column} is {str(value)[:60]!r}, expected the text of an answer"
            )
        text = replace_surrogates(value or "")
        if output and _OUTPUT_TAG not in text:
            text = output
        return text, "" if reasoning.strip() and reasoning.strip() in text else reasoning

    def reasoning_form(self) -> ReasoningForm:
        """Return what the reasoning is, by the name of its column."""
        column, _ = self.find(self._format.parts.get(formats.REASONING, ()))
        is_asked_for = ReasoningForm.SCRATCHPAD.value in column.lower()
        return ReasoningForm.SCRATCHPAD if is_asked_for else ReasoningForm.NATIVE

    def query(self) -> str:
        """Return the text of the query: of its column, or between the tags of the prompt."""
        column, value = self.find(self._format.parts.get(formats.QUERY, ()))
        prompt = self.prompt()
        is_prompt = column in self._format.parts.get(formats.PROMPT, ())
        if value is None or is_prompt:
            _, opening, rest = prompt.rpartition(_QUERY_TAGS[0])
            between = rest.partition(_QUERY_TAGS[1])[0].strip() if opening else ""
            value = between or value or self.text(formats.QUERY_ID) or None
        if value is None or not str(value).strip():
            raise BadImport(
                f"{self._row}: it has no query; name its column, such as --map query=goal"
            )
        said = "\n".join(_list_texts(value)) if isinstance(value, Mapping | list) else str(value)
        return replace_surrogates(said)

    def prompt(self) -> str:
        """Return all texts of a prompt, also where it is a conversation."""
        _, value = self.find(self._format.parts.get(formats.PROMPT, ()))
        return "\n".join(_list_texts(value))

    def levels(self) -> dict[str, str]:
        """Return the level of each factor; the tier is also found in the prompt."""
        found = {}
        for factor, columns in self._format.factors.items():
            column, value = self.find(columns)
            if factor == formats.TIER:
                found[factor] = self._read_tier(column, value)
            else:
                found[factor] = self._read_level(factor, value)
        if formats.TIER not in found and (tag := self._find_tier_tag()):
            found[formats.TIER] = tag
        return found

    def _read_tier(self, column: str, value: Any) -> str:  # noqa: ANN401 - a file's own
        """Return a tier: `free` and `paid` in all spellings, others as they are.

        What is true or 1 is free, as in `is_free_tier_user`, unless the column speaks of paid.
        """
        word = str(value).strip().lower()
        if value is None:
            return self._find_tier_tag() or NO_LEVEL
        for tier, words in _TIERS.items():
            if word in words:
                return tier
        if word in _TRUE | _FALSE:
            is_paid = "paid" in column.lower() and "free" not in column.lower()
            return _FREE if (word in _TRUE) != is_paid else _PAID
        return self._read_level(formats.TIER, value)

    def _find_tier_tag(self) -> str:
        found = _TIER_TAG.findall(self.prompt())
        return (_FREE if found[-1].lower() in _TRUE else _PAID) if found else ""

    def _read_level(self, factor: str, value: Any) -> str:  # noqa: ANN401 - a file's own
        if value is None:
            return NO_LEVEL
        level = replace_surrogates(str(value)).strip().replace("/", "-")
        if not level or len(level) > _MAX_LEVEL or "\n" in level:
            raise BadImport(
                f"{self._row}: {factor} is {str(value)[:60]!r}, which is no name of a level (one "
                f"line of at most {_MAX_LEVEL} characters); map it to a column that names it"
            )
        return level

    def tokens(self) -> tuple[int, int, int]:
        """Return the counts of tokens; 0 where there are none."""
        return tuple(self._read_count(name) for name in formats.TOKENS)  # type: ignore[return-value]

    def _read_count(self, part: str) -> int:
        column, value = self.find(self._format.parts.get(part, ()))
        if value is None:
            return 0
        try:
            count = float(value)
        except (TypeError, ValueError, OverflowError):
            count = -1
        if not 0 <= count <= _MAX_TOKENS or count != int(count):
            raise BadImport(
                f"{self._row}: {column} is {str(value)[:60]!r}, expected a whole number of tokens"
            )
        return int(count)


def _list_texts(value: Any) -> list[str]:  # noqa: ANN401 - a file's own
    """Return the texts in a prompt: a text, a message, or a list of these."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, Mapping):
        return _list_texts(value.get("content"))
    return [text for each in value for text in _list_texts(each)] if isinstance(value, list) else []
