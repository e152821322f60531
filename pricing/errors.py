"""What can go wrong with a price or a name.

PricingError
├── UnknownModel      a name that no alias, provider or price source knows
├── Unpriced          a model that nobody here has a price for: unknown is not zero
└── BadPriceFile      the user's price file cannot be read
"""


class PricingError(Exception):
    """Base of this room's errors; the text names the value, the place and the next step."""


class UnknownModel(PricingError):  # noqa: N818 - the noun says it
    """A model's name that cannot be resolved to a provider and its model."""


class Unpriced(PricingError):  # noqa: N818
    """A model without a known price."""


class BadPriceFile(PricingError):  # noqa: N818
    """A price file that is not what it must be."""
