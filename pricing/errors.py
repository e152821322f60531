"""Errors about prices and model names.

PricingError
├── UnknownModel      a name that no alias, provider or price source knows, or that is ambiguous
├── BadPriceFile      a price file, the user's or a fetched list, is damaged or invalid
├── CannotUpdate      a price list could not be fetched, or is not plausible
└── NoPrice           refused: no plan can be based on it
    ├── Unpriced      no source has a price for the model: unknown is not zero
    ├── UnknownTier   no source has a price for the requested service tier or other option
    └── Disputed      sources are too far apart to mean the same price
"""

from __future__ import annotations


class PricingError(Exception):
    """Base of this room's errors; the text names the value, the place and the next step."""


class UnknownModel(PricingError):
    """A model name that cannot be resolved to a provider and its model."""


class BadPriceFile(PricingError):
    """A price file is invalid."""


class CannotUpdate(PricingError):
    """A price list was rejected; the previous one stays in force."""


class NoPrice(PricingError):
    """No reliable price is known."""


class Unpriced(NoPrice):
    """Models without a known price.

    Args:
        problem: which, and why; a line for each.
        lines: that set their prices in a price file.
        place: which file that is, and where.

    Attributes:
        problem, lines: the same.
    """

    def __init__(self, problem: str, lines: tuple[str, ...] = (), place: str = "") -> None:
        super().__init__(problem, lines, place)
        self.problem, self.lines, self._place = problem, lines, place

    def __str__(self) -> str:
        """Return the problem, and below it one list of lines to paste."""
        if not self.lines:
            return self.problem
        what = "one, add this line" if len(self.lines) == 1 else "them, add these lines"
        gap = "\n" if "\n" in self.problem else " "
        lines = "".join(f"\n    {line}" for line in self.lines)
        return f"{self.problem}{gap}To set {what} under `prices:` in {self._place}:{lines}"

    def at(self, place: str) -> Unpriced:
        """Return the same error with another place of the price file."""
        return Unpriced(self.problem, self.lines, place)


class UnknownTier(NoPrice):
    """The requested tier has no known price; the standard price is not assumed."""


class Disputed(NoPrice):
    """Sources differ by more than a factor of three; the user chose no price or source."""
