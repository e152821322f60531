"""Count the tokens of a text in each vocabulary."""

from estimator.counting.vocabularies.download import download_vocabulary
from estimator.counting.vocabularies.vocabulary import (
    Encoder,
    PromptPart,
    Vocabulary,
    VocabularySource,
    is_vocabulary_available,
    load_vocabulary,
    load_vocabulary_sources,
)

__all__ = [
    "Encoder",
    "PromptPart",
    "Vocabulary",
    "VocabularySource",
    "download_vocabulary",
    "is_vocabulary_available",
    "load_vocabulary",
    "load_vocabulary_sources",
]
