"""Count the tokens of a text in each vocabulary."""

from typing import TYPE_CHECKING

from estimator.counting.vocabularies.sources import (
    VocabularySource,
    has_splintr,
    is_vocabulary_available,
    load_vocabulary_sources,
    name_encoder,
)
from experiment.lazy_names import import_on_demand

if TYPE_CHECKING:
    from estimator.counting.vocabularies.download import download_vocabulary
    from estimator.counting.vocabularies.hard_strings import HARD_STRINGS
    from estimator.counting.vocabularies.second_opinion import (
        compare_with_tiktoken,
        list_ranked_vocabularies,
    )
    from estimator.counting.vocabularies.vocabulary import (
        Encoder,
        PromptPart,
        Vocabulary,
        load_fast_encoder_now,
        load_vocabulary,
    )

__all__ = [
    "HARD_STRINGS",
    "Encoder",
    "PromptPart",
    "Vocabulary",
    "VocabularySource",
    "compare_with_tiktoken",
    "download_vocabulary",
    "has_splintr",
    "is_vocabulary_available",
    "list_ranked_vocabularies",
    "load_fast_encoder_now",
    "load_vocabulary",
    "load_vocabulary_sources",
    "name_encoder",
]

__getattr__ = import_on_demand(
    __name__,
    {
        "Encoder": "vocabulary",
        "HARD_STRINGS": "hard_strings",
        "PromptPart": "vocabulary",
        "Vocabulary": "vocabulary",
        "compare_with_tiktoken": "second_opinion",
        "download_vocabulary": "download",
        "list_ranked_vocabularies": "second_opinion",
        "load_fast_encoder_now": "vocabulary",
        "load_vocabulary": "vocabulary",
    },
)
