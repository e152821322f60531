"""Names as people write them resolve to what they mean, or the error says how they are written."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from pricing.catalog import ModelName
from pricing.data_files import read_data_file
from pricing.errors import NoPrice, UnknownModel
from pricing.price_book import PriceBook
from providers.registry import builtin_providers

_GROUPS = read_data_file(Path(__file__).parent / "names_as_written.yaml")
MEANINGS = {name: meaning for group in _GROUPS for name, meaning in group["names"].items()}
PROVIDERS = {*builtin_providers(), "azure", "vertex"}
BOOK = PriceBook(date(2026, 11, 26))
ENOUGH, ASKED = 120, 150


def answer(written: str) -> str:
    """Return what a name resolves to; or else, what the error says, after `says: `."""
    try:
        name = BOOK.resolve_name(written, PROVIDERS)
    except UnknownModel as error:
        return f"says: {error}"
    if not MEANINGS[written].startswith("says: "):
        return f"{name.provider}/{name.id}"
    try:
        BOOK.offer_for(name)
    except NoPrice as error:
        return f"says: {error}"
    return f"{name.provider}/{name.id}"


def is_right(meaning: str, answered: str) -> bool:
    if meaning.startswith("says: "):
        return answered.startswith("says: ") and meaning.removeprefix("says: ") in answered
    return answered == meaning


def test_most_names_are_understood_and_none_is_taken_for_another():
    answers = {written: answer(written) for written in MEANINGS}
    assert len(MEANINGS) >= ASKED
    wrong = {
        written: answered
        for written, answered in answers.items()
        if not answered.startswith("says: ") and not is_right(MEANINGS[written], answered)
    }
    right = [written for written, each in answers.items() if is_right(MEANINGS[written], each)]
    figure = f"{len(right)} of {len(MEANINGS)} names understood, {len(wrong)} wrong"
    print(figure)  # noqa: T201 - shown by `pytest -s`
    missed = {written: answers[written] for written in MEANINGS if written not in right}
    assert not wrong
    assert len(right) >= ENOUGH, missed


@pytest.mark.parametrize("written", [n for n, m in MEANINGS.items() if not m.startswith("says: ")])
def test_what_a_name_resolves_to_is_itself_a_name_of_it(written):
    try:
        name = BOOK.resolve_name(written, PROVIDERS)
    except UnknownModel:
        pytest.skip("it is answered with an error")
    again = BOOK.resolve_name(f"{name.provider}/{name.id}", PROVIDERS)
    assert (again.provider, again.id, again.alias) == (name.provider, name.id, name.alias)


def test_a_fine_tuned_model_never_takes_the_price_of_its_base():
    base = BOOK.offer_for(ModelName("b", "openai", "gpt-4o-mini-2024-07-18")).highest_on(BOOK.day)
    tuned = ModelName("t", "openai", "ft:gpt-4o-mini-2024-07-18:org::id")
    try:
        price = BOOK.offer_for(tuned).highest_on(BOOK.day)
    except NoPrice as refusal:
        price, refused = None, str(refusal)
    assert tuned.id in refused if price is None else price.input.base > base.input.base
