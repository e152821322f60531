"""The names that a template uses: its variables, and the columns of a query's row."""

from __future__ import annotations

from dataclasses import dataclass

ANY_COLUMN = "*"  # among the columns: the row is used as a whole, so any of them may be


@dataclass(frozen=True, slots=True)
class TemplateNames:
    """What a template uses, with the files that it names.

    Attributes:
        variables: names that it does not set itself, in branches that are not rendered too.
        columns: of `row`; `ANY_COLUMN` where they are not named in the template.
        inserts: whether a file's path is worked out, so that other names may be used in there.
    """

    variables: frozenset[str] = frozenset()
    columns: frozenset[str] = frozenset()
    inserts: bool = False

    def __or__(self, other: TemplateNames) -> TemplateNames:
        return TemplateNames(
            self.variables | other.variables,
            self.columns | other.columns,
            self.inserts or other.inserts,
        )
