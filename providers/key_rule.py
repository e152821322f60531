"""The key rule: which key goes where without a question, and which only once the user says so.

A key goes without a question to a built-in provider, at its built-in address, from that provider's
own variable. On this machine it may also come from a variable that is not known to hold the key of
something else. Everything else is confirmed first, because an experiment file can name any address
and any variable.
"""

from __future__ import annotations

import os
import re

from providers.addresses import is_loopback
from providers.provider import Provider
from providers.registry import builtin_providers, list_changed_fields

# The first words of variables that hold the key to something else than a server of one's own.
_OWNERS = """
afcost aws azure gcp gcloud google gemini vertex cloudsdk github gh gitlab ci bitbucket actions
circle jenkins hf huggingface hugging openai anthropic claude replicate perplexity pplx voyage
dashscope nvidia ngc wandb kaggle comet neptune clearml langchain langsmith langfuse pinecone
weaviate qdrant supabase firebase pg postgres postgresql mysql mongo mongodb redis database db sql
snowflake databricks ssh gpg vault kube kubernetes docker registry npm node pypi pip twine uv poetry
cargo conda anaconda slack discord telegram twilio sendgrid mailgun smtp stripe paypal cloudflare cf
digitalocean do linode heroku netlify vercel fly render railway modal runpod tf terraform pulumi
sentry datadog dd grafana hcloud oci ibm ibmcloud slurm jupyter op bw sudo krb5 token key secret
"""
_KNOWN_OWNERS = frozenset(_OWNERS.split())
# Words of a variable's name that say as much, wherever they stand.
_SECRET_WORDS = re.compile(
    "password|passwd|passphrase|pgpass|secret|credential|private_?key|access_?key|cookie|webhook"
)


def goes_as_built_in(provider: Provider) -> bool:
    """Return whether a provider is built in, at its own address, with a key of its own or none.

    Nor may an experiment have it spoken to in the way of another API.
    """
    own = _own_variables(provider.name)
    return (
        _is_at_home(provider)
        and "kind" not in list_changed_fields(provider)
        and all(variable in own for variable in provider.api_key_env)
    )


def list_keys_to_confirm(provider: Provider) -> tuple[str, ...]:
    """Return the variables whose key goes to a provider only once the user confirms it."""
    return tuple(
        variable for variable in provider.api_key_env if _needs_confirmation(provider, variable)
    )


def find_key_to_confirm(provider: Provider) -> str | None:
    """Return the variable that holds the key which would go, where that must be confirmed."""
    holding = (name for name in provider.api_key_env if os.environ.get(name, "").strip())
    used = next(holding, None)
    return used if used in list_keys_to_confirm(provider) else None


def _needs_confirmation(provider: Provider, variable: str) -> bool:
    own = variable in _own_variables(provider.name)
    if own and _is_at_home(provider):
        return False
    return not is_loopback(provider.base_url) or not (own or not _is_known_secret(variable))


def _is_known_secret(variable: str) -> bool:
    name = variable.casefold()
    others = {own for known in builtin_providers().values() for own in known.api_key_env}
    first = name.strip("_").partition("_")[0]
    return (
        variable.upper() in others
        or first in _KNOWN_OWNERS
        or _SECRET_WORDS.search(name) is not None
    )


def _is_at_home(provider: Provider) -> bool:
    known = builtin_providers().get(provider.name)
    return known is not None and provider.builtin_url


def _own_variables(name: str) -> tuple[str, ...]:
    known = builtin_providers().get(name)
    return known.api_key_env if known else ()
