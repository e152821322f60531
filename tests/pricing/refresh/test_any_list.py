"""Whatever a list holds, it is taken whole and believable, or refused."""

from __future__ import annotations

import contextlib
import copy
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from pricing.errors import CannotUpdate
from pricing.sources import fetched_lists as refreshed
from tests.pricing.arbitrary_json import DAMAGES, JSON, LEAVES, encoded
from tests.pricing.price_lists import GOOD, KEPT, LATER, take

KEYS = {
    "openrouter": ("id", "pricing", "context_length", "expiration_date"),
    "deepinfra": ("model_name", "pricing", "max_tokens"),
}
PRICE_KEYS = {
    "openrouter": (
        "prompt", "completion", "request", "input_cache_read", "input_cache_write",
        "input_cache_write_1h", "internal_reasoning", "overrides",
    ),
    "deepinfra": (
        "type", "cents_per_input_token", "cents_per_output_token", "rate_per_input_token_cached",
        "discount", "discount_ends_at", "full", "rate_per_service_tier_flex",
        "rate_per_service_tier_priority",
    ),
}  # fmt: skip
STEPS = st.lists(
    st.dictionaries(st.sampled_from(["min_prompt_tokens", *PRICE_KEYS["openrouter"]]), LEAVES),
    max_size=3,
)
NAMES = st.sampled_from(list(GOOD))


@st.composite
def mutated(draw) -> tuple[str, bytes]:
    """Return a good list with fields of some models replaced by anything."""
    name = draw(NAMES)
    payload = copy.deepcopy(GOOD[name])
    models = payload["data"] if name == "openrouter" else payload
    for _ in range(draw(st.integers(1, 4))):
        model = draw(st.sampled_from(models))
        if draw(st.booleans()) and isinstance(model.get("pricing"), dict):
            key = draw(st.sampled_from(PRICE_KEYS[name]))
            model["pricing"][key] = draw(STEPS if key == "overrides" else JSON)
        else:
            model[draw(st.sampled_from(KEYS[name]))] = draw(JSON)
    return name, encoded(payload)


def assert_taken_or_refused(name: str, body: bytes) -> None:
    """Offer a list to a folder with a good one; `take` makes sure of the rest."""
    with tempfile.TemporaryDirectory() as place:
        path = refreshed.price_list_path(Path(place), name)
        path.write_text(KEPT[name], encoding="utf-8")
        with contextlib.suppress(CannotUpdate):
            take(name, body, Path(place), LATER)


@settings(max_examples=200)
@given(NAMES, JSON)
def test_any_json_is_taken_or_refused(name, payload):
    assert_taken_or_refused(name, encoded(payload))


@settings(max_examples=400)
@given(mutated())
def test_a_list_with_anything_in_its_fields_is_taken_or_refused(given_):
    assert_taken_or_refused(*given_)


@settings(max_examples=200)
@given(NAMES, DAMAGES)
def test_a_list_with_damaged_bytes_is_taken_or_refused(name, damage):
    assert_taken_or_refused(name, damage.to(encoded(GOOD[name])))


@settings(max_examples=100)
@given(JSON)
def test_any_list_of_genai_prices_is_taken_or_refused(payload):
    model = {"id": "m", "match": {"equals": "m"}, "prices": payload}
    provider = {"id": "p", "name": "P", "api_pattern": "x", "models": [model]}
    for body in (payload, [provider], [provider | {"models": payload}]):
        with tempfile.TemporaryDirectory() as place, contextlib.suppress(CannotUpdate):
            take("genai-prices", encoded(body), Path(place))
