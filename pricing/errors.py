"""Errors about prices and model names.

PricingError
├── UnknownModel      a name that no alias, provider or price source knows, or that means several
├── BadPriceFile      a price file, of the user's or a refreshed one, is not what it must be
├── CannotUpdate      a price list could not be fetched, or is not to be trusted
└── NoPrice           refused: nothing may be planned on it
    ├── Unpriced      a model that nobody here has a price for: unknown is not zero
    ├── UnknownTier   a service tier or the like whose price nobody here knows
    └── Disputed      sources are too far apart to speak of the same price
"""


class PricingError(Exception):
    """Base of this room's errors; the text names the value, the place and the next step."""


class UnknownModel(PricingError):
    """A model's name that cannot be resolved to a provider and its model."""


class BadPriceFile(PricingError):
    """A price file is invalid."""


class CannotUpdate(PricingError):
    """A price list was rejected; the previous one stays in force."""


class NoPrice(PricingError):
    """No reliable price is known."""


class Unpriced(NoPrice):
    """A model without a known price."""


class UnknownTier(NoPrice):
    """The requested tier has no known price; the standard price is not assumed."""


class Disputed(NoPrice):
    """Sources differ by more than a factor of three; the user chose no price or source."""
