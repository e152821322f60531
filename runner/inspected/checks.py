"""What is checked before an evaluation starts: that Inspect is there, and what its models cost."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping

from pricing.errors import Unpriced
from pricing.price_book import PriceBook
from providers.provider import Provider
from runner.errors import BadRun
from runner.gateway import PricedModels
from runner.inspected.arguments import InspectOptions
from runner.inspected.asked_models import find_asked_models

_HAS_INSPECT = (
    "import importlib.util, sys; sys.exit(importlib.util.find_spec('inspect_ai') is None)"
)


def check_inspect(python: str) -> None:
    """Raise an error where a Python has no Inspect.

    Raises:
        BadRun: it has none, or is none.
    """
    try:
        found = subprocess.run([python, "-c", _HAS_INSPECT], check=False, capture_output=True)  # noqa: S603 - the user's
    except OSError as error:
        raise BadRun(f"--python {python}: {error.strerror}") from error
    if found.returncode:
        where = "" if python == sys.executable else f" in the environment of {python}"
        raise BadRun(
            f"Inspect is not installed{where}: pip install 'afcost[inspect]', or name the "
            "environment that has it, such as --python .venv/bin/python"
        )


def check_prices(
    asked: InspectOptions,
    book: PriceBook,
    providers: Mapping[str, Provider],
    environment: Mapping[str, str],
) -> None:
    """Raise an error where a model that the options name cannot be priced.

    Raises:
        BadRun: its provider is not asked through the gateway.
        PricingError: it has no price.
    """
    models = PricedModels(book, providers)
    for each in find_asked_models(asked.arguments, environment):
        if each.provider not in providers or each.is_of_cloud:
            raise BadRun(f"{each.written}: {each.provider} is not asked through the gateway")
        try:
            models.find(each.provider, each.model)
        except Unpriced as error:
            option = f"--price {each.provider}/{each.model}=IN/OUT"
            raise Unpriced(f"{error.problem}\nGive its price: {option}") from error
