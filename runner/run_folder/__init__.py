"""Run folders: the plan, the experiment as planned, and the ledger with every answer of a study."""

from runner.run_folder.files import GUARD_FILE, KEPT_FILES, PLAN_FILE, list_earlier_plans
from runner.run_folder.folder import (
    RunFolder,
    create_or_reopen,
    match_ids_of_before,
    open_run_folder,
    read_planned_files,
)
from runner.run_folder.known_folders import find_known_folders
from runner.run_folder.private_dir import check_run_dir, create_run_dir
from runner.run_folder.works import (
    choose_order_seed,
    default_run_dir,
    describe_work,
    locate_plan_ledger,
    name_study,
    read_kept_work,
    refuse_other_study,
)

__all__ = [
    "GUARD_FILE",
    "KEPT_FILES",
    "PLAN_FILE",
    "RunFolder",
    "check_run_dir",
    "choose_order_seed",
    "create_or_reopen",
    "create_run_dir",
    "default_run_dir",
    "describe_work",
    "find_known_folders",
    "list_earlier_plans",
    "locate_plan_ledger",
    "match_ids_of_before",
    "name_study",
    "open_run_folder",
    "read_kept_work",
    "read_planned_files",
    "refuse_other_study",
]
