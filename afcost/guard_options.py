"""Options of `afcost guard` that name providers, models and labels, and what they may name."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable
from dataclasses import replace

import click

from afcost.options import PositiveDollars
from pricing.sources import UserPrice, read_price_flags
from providers.provider import Provider
from providers.registry import builtin_providers
from runner.gateway import GUARD_VARIABLE, LABEL, PartCap

# Options that several commands of programs take.
takes_upstreams = click.option(
    "--upstream",
    "upstreams",
    multiple=True,
    metavar="PROVIDER=URL",
    help="Send a provider's calls to this address, without its key.",
)
takes_keys = click.option(
    "--send-key",
    "keys",
    multiple=True,
    metavar="PROVIDER",
    help="Send the provider's key to its --upstream too.",
)
takes_prices = click.option(
    "--price",
    "prices",
    multiple=True,
    metavar="MODEL=IN/OUT",
    help="Price of a provider/model, in dollars per million tokens.",
)
takes_default_limit = click.option(
    "--default-max-tokens",
    type=click.IntRange(1),
    metavar="N",
    help="Limit of a call that says none; default: the model's largest.",
)


def refuse_second_guard(upstreams: Collection[str]) -> None:
    """Refuse to guard what a guard runs already: the real keys, and the cap, are that one's.

    Raises:
        click.UsageError: it would send to providers with keys that are none.
    """
    if os.environ.get(GUARD_VARIABLE) and not upstreams:
        raise click.UsageError(
            f"{GUARD_VARIABLE} is set: this runs under `afcost guard` already, which has the keys. "
            "Run the program without another one, or for a cap within that one lead its calls "
            "there:  --upstream openai=$OPENAI_BASE_URL"
        )


def choose_providers(upstreams: Iterable[str], keys: Collection[str]) -> dict[str, Provider]:
    """Return where a program may send to: the providers that take requests.

    Args:
        upstreams: as `PROVIDER=URL`.
        keys: providers whose key goes to such an address too.

    Raises:
        click.BadParameter: one of them is no provider, or no address.
    """
    providers = {name: each for name, each in builtin_providers().items() if each.kind != "none"}
    named = set()
    for written in upstreams:
        name, _, url = written.partition("=")
        if name not in providers:
            known = ", ".join(providers)
            raise click.BadParameter(f"--upstream {written}: expected PROVIDER=URL, of {known}")
        if not url.startswith(("http://", "https://")):
            raise click.BadParameter(f"--upstream {written}: expected http:// or https://")
        named.add(name)
        providers[name] = _lead_to(providers[name], url, sends_key=name in keys)
    for name in keys:
        if name not in named:
            raise click.BadParameter(f"--send-key {name}: there is no --upstream {name}=URL")
    return providers


def _lead_to(provider: Provider, url: str, *, sends_key: bool) -> Provider:
    is_own = url in (provider.base_url, *provider.other_urls)
    changed = replace(provider, base_url=url, builtin_url=is_own)
    return changed if is_own or sends_key else replace(changed, api_key_env=())


def read_prices(flags: Collection[str], providers: Collection[str]) -> dict[str, UserPrice]:
    """Return the prices of `--price`, by model.

    Raises:
        BadPriceFile: one cannot be read.
        click.BadParameter: one is of no model that a call may have.
    """
    prices = read_price_flags(flags)
    for name in prices:
        if not _is_model(name, providers):
            raise click.BadParameter(
                f"--price {name}: expected PROVIDER/MODEL, such as openai/{name}"
            )
    return prices


def read_part_caps(
    tokens: int | None, written: Iterable[str], providers: Collection[str]
) -> list[PartCap]:
    """Return the caps on parts of a program's calls.

    Args:
        tokens: that they may take; None for no such cap.
        written: caps as `NAME=USD`.
        providers: by which a model is known from a label.

    Raises:
        click.BadParameter: one names no amount, or neither a model nor a label.
    """
    caps = [PartCap("", tokens, counts_tokens=True)] if tokens else []
    for each in written:
        name, _, amount = each.rpartition("=")
        if not _is_model(name, providers) and not LABEL.fullmatch(name):
            raise click.BadParameter(
                f"--cap-for {each}: expected PROVIDER/MODEL=USD, or LABEL=USD for calls with the "
                "header x-afcost-label"
            )
        try:
            caps.append(PartCap(name, PositiveDollars().convert(amount, None, None).pico))
        except click.BadParameter as error:
            raise click.BadParameter(f"--cap-for {each}: {error.message}") from error
    return caps


def _is_model(name: str, providers: Collection[str]) -> bool:
    provider, slash, model = name.partition("/")
    return bool(slash and model) and provider in providers
