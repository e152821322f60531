"""Words that YAML 1.1 reads as booleans: `on`, `off`, `yes`, `no`, in any of its spellings.

In an experiment file they are words where a word is expected (keys, names, choices, texts), and
booleans elsewhere: as a template's variable, or as a plain field of `sampling`. Which it is, only
the place says, so both are kept until the schema reads them. `true` and `false` are booleans
everywhere.
"""

from __future__ import annotations

from typing import Any

_BOOLEANS = {"on": True, "yes": True, "off": False, "no": False}

# Fields of `sampling` whose values are texts, or lists of them.
_TEXTS = """
    stop stop_sequences bad_words reasoning_effort reasoning_format verbosity service_tier speed
    inference_geo user safety_identifier metadata prompt_cache_key guided_choice guided_regex
    guided_grammar grammar samplers dry_sequence_breakers max_tokens
"""
_TEXT_FIELDS = frozenset(_TEXTS.split())
# Parts of a JSON schema, and of a constraint, that name properties or list texts.
_TEXT_PARTS = frozenset({"required", "enum", "const", "choice", "effort", "summary"})


class YamlWord(str):
    """A word that is a boolean where no word is expected."""

    __slots__ = ()

    @property
    def boolean(self) -> bool:
        """Return what YAML 1.1 reads."""
        return _BOOLEANS[self.lower()]


def is_yaml_word(text: str) -> bool:
    """Return whether YAML 1.1 reads a text as a boolean that is written as a word."""
    return text.lower() in _BOOLEANS


def read_booleans(value: Any) -> Any:  # noqa: ANN401 - YAML's
    """Return a value with all words in it as booleans, but for keys and what lists texts."""
    return _read(value, words=False)


def read_sampling_value(field: str, value: Any) -> Any:  # noqa: ANN401
    """Return the value of a sampling field: its words as texts or as booleans, as the field has."""
    return _read(value, words=field in _TEXT_FIELDS)


def _read(value: Any, *, words: bool) -> Any:  # noqa: ANN401
    if isinstance(value, YamlWord):
        return str(value) if words else value.boolean
    if isinstance(value, list):
        return [_read(each, words=words) for each in value]
    if isinstance(value, dict):
        return {
            str(key) if isinstance(key, YamlWord) else key: _read(
                held, words=words or (key in _TEXT_PARTS and value.get("type") != "boolean")
            )
            for key, held in value.items()
        }
    return value
