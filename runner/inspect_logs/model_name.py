"""A model as Inspect writes it: `PROVIDER/MODEL`; some providers have another name here."""

from __future__ import annotations

from dataclasses import dataclass

_NAMES = {"grok": "x-ai", "grok-api": "x-ai"}
_SERVICE = "openai-api"  # openai-api/SERVICE/MODEL
_OF_CLOUDS = ("azure", "bedrock", "vertex")
_LOCAL = frozenset(
    {"hf", "llama-cpp-python", "mockllm", "nnterp", "none", "ollama", "sglang"}
    | {"transformer_lens", "vllm"}
)


@dataclass(frozen=True, slots=True)
class InspectModel:
    """A model, as Inspect names it.

    Attributes:
        written: as it was written.
        provider: that is asked, by its name in the registry.
        model: its id there.
    """

    written: str
    provider: str
    model: str

    @property
    def is_local(self) -> bool:
        """Whether it runs on this machine, and costs nothing."""
        return self.provider in _LOCAL

    @property
    def is_of_cloud(self) -> bool:
        """Whether a cloud is asked, by an address of its own, as in `openai/azure/gpt-4o`."""
        return self.model.partition("/")[0] in _OF_CLOUDS


def read_model_name(written: str) -> InspectModel:
    """Return the model that a name of Inspect's means."""
    provider, _, model = written.strip().partition("/")
    if provider == _SERVICE:
        provider, _, model = model.partition("/")
    return InspectModel(written.strip(), _NAMES.get(provider, provider), model)
