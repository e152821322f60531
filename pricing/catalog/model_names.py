"""Model names: which provider and which of its models a written name means.

A bare name (`llama-3.1-70b`) goes through the alias table in `models.yaml`; `provider/model` names
the provider's own id, or an alias at that provider. Other spellings of exactly one of these are
taken too (`GPT-4o`, `xai/grok-4`, `meta-llama/Llama-3.1-8B-Instruct`). Names are never guessed: a
near miss is an error that lists candidates, as a wrong guess would price the wrong model.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from pricing.catalog.alias_table import (
    find_alias,
    find_alias_of_weights,
    find_spelled_alias,
    list_labs,
    load_aliases,
    provider_ids,
)
from pricing.catalog.spellings import (
    find_maker,
    find_meaning,
    is_weights_only,
    read_host_form,
    read_provider,
)
from pricing.catalog.suggestions import explain_routed, explain_unknown, explain_unserved
from pricing.errors import UnknownModel


@dataclass(frozen=True, slots=True)
class ModelName:
    """A resolved model name.

    Attributes:
        written: the name as the experiment or the user wrote it.
        provider: where requests go.
        id: what that provider calls the model.
        alias: the common name, where the alias table has one.
    """

    written: str
    provider: str
    id: str
    alias: str | None = None

    @property
    def short_name(self) -> str:
        """The alias if there is one, else the provider's id."""
        return self.alias or self.id

    @property
    def price_keys(self) -> tuple[str, ...]:
        """The names under which a user may set this model's price."""
        return (self.written, f"{self.provider}/{self.short_name}", f"{self.provider}/{self.id}")

    def __str__(self) -> str:
        return f"{self.provider}/{self.short_name}"


def resolve_model_name(
    model_name_as_written: str,
    providers: Collection[str],
    is_known_id: Callable[[str, str], bool],
    candidates: Callable[[str, Collection[str]], list[str]] = lambda *_: [],
) -> ModelName:
    """Resolve a written model name to a provider and its model.

    Args:
        model_name_as_written: `alias`, a lab's own id, `provider/alias` or `provider/id`, or
            another spelling of one of these.
        providers: names of the known providers, the user's own among them.
        is_known_id: returns whether a provider is known to have a model with this id.
        candidates: returns `provider/id` for every known model of these providers with this id.

    Raises:
        UnknownModel: with candidates, where no rule leads to one provider and one id.
    """
    written = model_name_as_written
    if written in load_aliases():
        return _name_by_alias(written, written)

    def find_id(provider: str, model: str) -> str | None:
        return _find_known_id(provider, model, is_known_id, candidates)

    if routed := explain_routed(written, providers):
        raise UnknownModel(routed)
    named = _find_named_provider(written, providers)
    if named is not None:
        return _resolve_at_provider(written, *named, find_id)
    hosted = read_host_form(written)
    alias = find_alias_of_weights(written.removeprefix("hf:")) or find_spelled_alias(written)
    if alias is not None and hosted is None:
        return _name_by_alias(written, alias)
    if spelled := hosted or read_provider(written, providers):
        if spelled.provider in providers:
            return _resolve_at_provider(written, *spelled, find_id)
    elif lab := _find_lab(written, is_known_id):
        return ModelName(written, lab, written, find_alias(lab, written))
    raise UnknownModel(explain_unknown(written, providers, candidates(written, providers)))


def _find_named_provider(written: str, providers: Collection[str]) -> tuple[str, str] | None:
    """Return the provider that a name with a slash leads to, where it begins with a known one."""
    named = read_provider(written, providers)
    begins = written.partition("/")[0] in providers
    return named if named and begins and named.provider in providers else None


def _name_by_alias(written: str, alias: str) -> ModelName:
    provider, model_id = next(iter(provider_ids(alias).items()))
    return ModelName(written, provider, model_id, alias)


def _resolve_at_provider(
    written: str, provider: str, model: str, find_id: Callable[[str, str], str | None]
) -> ModelName:
    """Resolve an alias or an id at a provider; an id that nothing is known of stays as it is."""
    ids = provider_ids(model)
    if provider not in ids and is_weights_only(provider, model):
        raise UnknownModel(explain_unserved(written, provider, model))
    if ids:
        return ModelName(written, provider, ids.get(provider, model), model)
    alias = find_alias(provider, model)
    if alias is None and (known := find_id(provider, model)) != model:
        alias = find_alias(provider, known) if known else find_spelled_alias(model, provider)
        model = known or provider_ids(alias).get(provider, model)
    return ModelName(written, provider, model, alias)


def _find_known_id(
    provider: str,
    model: str,
    is_known_id: Callable[[str, str], bool],
    candidates: Callable[[str, Collection[str]], list[str]],
) -> str | None:
    """Return a provider's id of a model as it spells it; None where it is not known to have it."""
    if is_known_id(provider, model):
        return model
    wanted = f"{provider}/{model}".lower()
    same = [each for each in candidates(model, [provider]) if each.lower() == wanted]
    return same[0].partition("/")[2] if len(same) == 1 else None


def _find_lab(model_id: str, is_known_id: Callable[[str, str], bool]) -> str | None:
    """Return the one lab that sells a model under this id; its maker comes before resellers.

    Raises:
        UnknownModel: several labs sell it, and its maker is not known.
    """
    labs = [lab for lab in list_labs() if is_known_id(lab, model_id)]
    if maker := find_maker(model_id):
        return maker if maker in labs else None
    if len(labs) > 1:
        either = ", ".join(f"{lab}/{model_id}" for lab in labs)
        raise UnknownModel(f"model {model_id!r} is offered by several labs; write one of {either}")
    return labs[0] if labs else None


def at_provider(model_name_as_written: str, provider: str) -> str:
    """Return a model's name at another provider, by its alias where it has one."""
    written = model_name_as_written
    head, _, rest = written.partition("/")
    own = find_meaning(head) or head
    alias = rest if rest in load_aliases() else find_alias(own, rest)
    alias = alias or find_alias_of_weights(written) or find_spelled_alias(written)
    return f"{provider}/{alias or written}"
