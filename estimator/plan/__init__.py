"""Plan an experiment, save the plan, and check later whether it still holds."""

from typing import TYPE_CHECKING

from estimator.plan.assumptions import (
    describe_turns,
    list_changes,
    list_joint_votes,
    list_warnings,
    warn_of_unbounded_models,
)
from estimator.plan.export import estimate_to_json, open_request_export, price_to_json
from estimator.plan.other_providers import cost_at_other_providers
from estimator.plan.plan import Plan, model_to_json, stratum_to_json
from estimator.plan.plan_file import model_from_json, read_plan, save_plan, stratum_from_json
from estimator.plan.planner import Estimate, EstimateOptions, estimate_experiment
from estimator.plan.price_notes import (
    format_main_prices,
    list_price_notes,
    list_price_warnings,
    list_retirements,
)
from estimator.plan.reasoning_notes import list_reasoning_notes, list_unreasoned_conflicts
from experiment.lazy_names import import_on_demand

if TYPE_CHECKING:
    from estimator.plan.own_prices import OwnPrice, find_own_prices, list_own_prices
    from estimator.plan.staleness import (
        VerifiedPlan,
        list_changed_models,
        planned_trust,
        verify_plan,
    )

__all__ = [
    "Estimate",
    "EstimateOptions",
    "OwnPrice",
    "Plan",
    "VerifiedPlan",
    "cost_at_other_providers",
    "describe_turns",
    "estimate_experiment",
    "estimate_to_json",
    "find_own_prices",
    "format_main_prices",
    "list_changed_models",
    "list_changes",
    "list_joint_votes",
    "list_own_prices",
    "list_price_notes",
    "list_price_warnings",
    "list_reasoning_notes",
    "list_retirements",
    "list_unreasoned_conflicts",
    "list_warnings",
    "model_from_json",
    "model_to_json",
    "open_request_export",
    "planned_trust",
    "price_to_json",
    "read_plan",
    "save_plan",
    "stratum_from_json",
    "stratum_to_json",
    "verify_plan",
    "warn_of_unbounded_models",
]

__getattr__ = import_on_demand(
    __name__,
    {
        "OwnPrice": "own_prices",
        "VerifiedPlan": "staleness",
        "find_own_prices": "own_prices",
        "list_changed_models": "staleness",
        "list_own_prices": "own_prices",
        "planned_trust": "staleness",
        "verify_plan": "staleness",
    },
)
