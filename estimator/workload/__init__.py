"""Count all requests of an experiment, and add them up by stratum."""

from typing import TYPE_CHECKING

from estimator.workload.batch_prices import (
    find_batch_offer,
    find_limits_of_batches,
    list_batch_notes,
)
from estimator.workload.judge_prompts import (
    bound_answer,
    convert_to_judge_tokens,
    count_answer_occurrences,
    judge_prompt_bound,
)
from estimator.workload.model_resolution import (
    describe_price_file,
    load_price_book,
    resolve_models,
)
from estimator.workload.planned_files import digest_files, list_trusted_folders
from estimator.workload.planned_model import (
    PlannedModel,
    build_planned_model,
    make_request_builder,
)
from estimator.workload.taken_check import SentUse, describe_uses, list_sent_uses
from estimator.workload.tally import (
    CountedRequest,
    ProgressCallback,
    StratumKey,
    StratumTally,
    Workload,
    input_exactness,
    joint_vote_ceiling,
    order_tallies,
)
from estimator.workload.tally_cache import (
    load_notes,
    load_workload,
    save_notes,
    save_workload,
)
from experiment.lazy_names import import_on_demand

if TYPE_CHECKING:
    from estimator.workload.count_requests import count_workload
    from estimator.workload.provider_counts import with_provider_counts
    from estimator.workload.rest import Rest, count_rest
    from estimator.workload.sampling_check import UnknownField, list_unknown_fields
    from estimator.workload.turn_prompts import bound_turn, list_turn_bounds

__all__ = [
    "CountedRequest",
    "PlannedModel",
    "ProgressCallback",
    "Rest",
    "SentUse",
    "StratumKey",
    "StratumTally",
    "UnknownField",
    "Workload",
    "bound_answer",
    "bound_turn",
    "build_planned_model",
    "convert_to_judge_tokens",
    "count_answer_occurrences",
    "count_rest",
    "count_workload",
    "describe_price_file",
    "describe_uses",
    "digest_files",
    "find_batch_offer",
    "find_limits_of_batches",
    "input_exactness",
    "joint_vote_ceiling",
    "judge_prompt_bound",
    "list_batch_notes",
    "list_sent_uses",
    "list_trusted_folders",
    "list_turn_bounds",
    "list_unknown_fields",
    "load_notes",
    "load_price_book",
    "load_workload",
    "make_request_builder",
    "order_tallies",
    "resolve_models",
    "save_notes",
    "save_workload",
    "with_provider_counts",
]

# What counts, and what speaks to providers, is imported where it does; most counts are cached.
__getattr__ = import_on_demand(
    __name__,
    {
        "Rest": "rest",
        "UnknownField": "sampling_check",
        "bound_turn": "turn_prompts",
        "count_rest": "rest",
        "count_workload": "count_requests",
        "list_turn_bounds": "turn_prompts",
        "list_unknown_fields": "sampling_check",
        "with_provider_counts": "provider_counts",
    },
)
