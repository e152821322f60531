"""Count tokens, with each model's own tokenizer where it is public."""

from typing import TYPE_CHECKING

from estimator.counting.calibration import (
    MIN_BILLS,
    CalibrationRecord,
    calibration_key,
    calibration_path,
    compare_with_bills,
    is_offset,
    learned_offset,
    save_calibration,
)
from estimator.counting.model_families import (
    ModelFamily,
    find_family,
    find_family_tokenizer,
    load_families,
)
from estimator.counting.request_fields import (
    adds_to_prompt,
    count_request,
    describe_added_fields,
    prepare_count,
)
from estimator.counting.token_count import Exactness, TokenCount, Tokenizer
from estimator.counting.tokenizer import (
    CountingMethod,
    ProviderCountedTokenizer,
    allow_download,
    build_tokenizer,
    cached_custom_tokenizer,
    vocabulary_id,
)
from estimator.counting.tokenizer_files import check_tokenizer_files
from estimator.counting.vocabularies import name_encoder
from experiment.lazy_names import import_on_demand

if TYPE_CHECKING:
    from estimator.counting.self_check import run_self_checks

__all__ = [
    "MIN_BILLS",
    "CalibrationRecord",
    "CountingMethod",
    "Exactness",
    "ModelFamily",
    "ProviderCountedTokenizer",
    "TokenCount",
    "Tokenizer",
    "adds_to_prompt",
    "allow_download",
    "build_tokenizer",
    "cached_custom_tokenizer",
    "calibration_key",
    "calibration_path",
    "check_tokenizer_files",
    "compare_with_bills",
    "count_request",
    "describe_added_fields",
    "find_family",
    "find_family_tokenizer",
    "is_offset",
    "learned_offset",
    "load_families",
    "name_encoder",
    "prepare_count",
    "run_self_checks",
    "save_calibration",
    "vocabulary_id",
]

__getattr__ = import_on_demand(
    __name__,
    {
        "run_self_checks": "self_check",
    },
)
