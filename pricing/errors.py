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
    """A model without a known price."""


class UnknownTier(NoPrice):
    """The requested tier has no known price; the standard price is not assumed."""


class Disputed(NoPrice):
    """Sources differ by more than a factor of three; the user chose no price or source."""
