"""Providers that have batches, at our own: a model of each, its address, and its key."""

from dataclasses import dataclass


@dataclass(frozen=True)
class ServedForm:
    """A form of batches at the test provider.

    Attributes:
        model: whose provider it is.
        path: of its address.
        key: the variable of its key.
        takes_file: whether lines are uploaded before a batch is made of them.
    """

    model: str
    path: str
    key: str
    takes_file: bool = True


FORMS = {
    "openai": ServedForm("openai/gpt-4o-mini", "/v1", "OPENAI_API_KEY"),
    "anthropic": ServedForm(
        "anthropic/claude-sonnet-4-5", "", "ANTHROPIC_API_KEY", takes_file=False
    ),
    "google": ServedForm("google/gemini-2.5-flash", "", "GEMINI_API_KEY"),
    "openrouter": ServedForm(
        "openrouter/openai/gpt-4o-mini", "/api/v1", "OPENROUTER_API_KEY", takes_file=False
    ),
    "groq": ServedForm("groq/openai/gpt-oss-20b", "/openai/v1", "GROQ_API_KEY"),
    "deepinfra": ServedForm("deepinfra/openai/gpt-oss-20b", "/v1/openai", "DEEPINFRA_API_KEY"),
    "together": ServedForm("together/openai/gpt-oss-20b", "/together/v1", "TOGETHER_API_KEY"),
    "mistral": ServedForm("mistral/mistral-small-latest", "/v1", "MISTRAL_API_KEY"),
}
MAIN_FORMS = ("openai", "anthropic", "google", "openrouter")  # each an API of its own
