"""What a program's recorded calls will cost: of a rehearsal, or of a log.

Reading order: `recorded_call` and `recording_file`; `pairing` of two runs, `stages`, `read_calls`;
`call_strata`, `sources`, `call_count`, `call_tallies` (what is sent), `call_lengths` (what comes
back); `program_estimate`; `program_plan`, which is approved, and its file.
"""

from estimator.recorded.call_count import count_call
from estimator.recorded.call_tallies import CountedCall
from estimator.recorded.client_models import plan_client_model
from estimator.recorded.program_estimate import (
    ProgramEstimate,
    ProgramOptions,
    estimate_recording,
)
from estimator.recorded.program_export import program_estimate_to_json
from estimator.recorded.program_plan import ProgramPlan
from estimator.recorded.program_plan_file import (
    copy_program_plan,
    is_program_plan,
    read_program_plan,
    recording_path,
    save_program_plan,
)
from estimator.recorded.recorded_call import RecordedCall, Recording
from estimator.recorded.recording_file import read_recording, write_recording
from estimator.recorded.stages import OTHER_STAGE, UNNAMED_STAGE, PromptParts, split_prompt

__all__ = [
    "OTHER_STAGE",
    "UNNAMED_STAGE",
    "CountedCall",
    "ProgramEstimate",
    "ProgramOptions",
    "ProgramPlan",
    "PromptParts",
    "RecordedCall",
    "Recording",
    "copy_program_plan",
    "count_call",
    "estimate_recording",
    "is_program_plan",
    "plan_client_model",
    "program_estimate_to_json",
    "read_program_plan",
    "read_recording",
    "recording_path",
    "save_program_plan",
    "split_prompt",
    "write_recording",
]
