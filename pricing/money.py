"""Money: an exact, whole number of pico-dollars. Never a float.

The cheapest token on sale costs $0.00000002, which is 20,000 pico-dollars, so every price of a
token is a whole number and sums are exact. Amounts are rounded only where people read them.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, Inexact, InvalidOperation, Overflow, localcontext

PICO_PER_USD = 10**12


@dataclass(frozen=True, slots=True, order=True)
class Money:
    """An amount in US dollars, held as `pico` (1e-12 USD)."""

    pico: int = 0

    @classmethod
    def from_usd(cls, amount: str | int | Decimal) -> Money:
        """Read an exact amount of US dollars, such as `"12.50"`.

        Raises:
            ValueError: not a finite decimal, or finer than a pico-dollar.
        """
        unreadable = f"{amount!r} is not an amount in US dollars"
        with localcontext() as context:
            context.prec, context.traps[Inexact] = 60, True
            try:
                pico = Decimal(amount) * PICO_PER_USD
                whole = pico == pico.to_integral_value()
            except (InvalidOperation, Overflow):
                raise ValueError(unreadable) from None
            except Inexact:
                whole = False
            if not whole:
                raise ValueError(f"{amount!r} is not a whole number of pico-dollars")
            if not pico.is_finite():
                raise ValueError(unreadable)
            return cls(int(pico))

    def __add__(self, other: Money) -> Money:
        return Money(self.pico + other.pico)

    def __sub__(self, other: Money) -> Money:
        return Money(self.pico - other.pico)

    def __mul__(self, times: int) -> Money:
        return Money(self.pico * times)

    def __bool__(self) -> bool:
        return self.pico != 0

    @property
    def as_float(self) -> float:
        """The amount in US dollars as a float: for statistics and comparisons with them only."""
        return self.pico / PICO_PER_USD

    def to_decimal_string(self) -> str:
        """Return the exact amount as a plain decimal string of US dollars."""
        sign, pico = ("-" if self.pico < 0 else ""), abs(self.pico)
        text = f"{sign}{pico // PICO_PER_USD}.{pico % PICO_PER_USD:012d}".rstrip("0")
        return text + "00"[: max(0, 2 - len(text.rpartition(".")[2]))]

    def __str__(self) -> str:
        """Format the amount for people: cents, or two significant digits below ten cents."""
        dollars = Decimal(self.pico) / PICO_PER_USD
        if self.pico == 0 or abs(dollars) >= Decimal("0.10"):
            return f"-${-dollars:,.2f}" if dollars < 0 else f"${dollars:,.2f}"
        places = max(2, 1 - dollars.adjusted())
        text = f"{abs(dollars):.{places}f}".rstrip("0")
        text += "0" * max(0, 2 - len(text.rpartition(".")[2]))
        return f"-${text}" if dollars < 0 else f"${text}"


def format_per_million(price: Decimal) -> str:
    """Format a price per million tokens: at least two decimals, no trailing zeros."""
    whole, _, places = f"{price:f}".partition(".")
    return f"{whole}.{places.rstrip('0'):0<2}"


def format_short_price(price: Decimal) -> str:
    """Format such a price within a sentence: without cents where there are none."""
    return format_per_million(price).removesuffix(".00")


def money_from_float(dollars: float) -> Money:
    """Convert a statistic (a mean, a quantile) to Money, to the nearest nano-dollar.

    Only for forecasts, never for what is reserved or billed.
    """
    return Money(round(dollars * 1e9) * 1000)
