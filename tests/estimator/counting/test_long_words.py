"""A word of megabytes is counted in parts, so that counting it stays within memory."""

import pytest

from estimator.counting.vocabularies.vocabulary import load_vocabulary

LETTERS = 3_000_000


@pytest.mark.parametrize("letter", ["a", "\u00e9"])
def test_a_word_of_megabytes_has_the_tokens_of_its_parts(letter):
    vocabulary = load_vocabulary("o200k")
    per_letter = vocabulary.count(letter * 2**20) / 2**20
    assert vocabulary.count(letter * LETTERS) == pytest.approx(per_letter * LETTERS, abs=8)


def test_a_long_text_of_words_is_counted_whole():
    vocabulary = load_vocabulary("o200k")
    assert vocabulary.count("a" + " few words" * 300_000) == 1 + 2 * 300_000
