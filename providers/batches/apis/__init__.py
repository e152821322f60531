"""One module for each API of batches: what is sent, and how answers and results are read.

Reading order: `batch_api` (what each implements), `kinds` (which is whose); `openai_batches`,
`message_batches` of Anthropic, `generate_batches` of Google, `openrouter_batches` and
`mistral_batches`; what they share, `form_files`, `result_line`, `batch_states` and `batch_fields`.
"""

from providers.batches.apis.batch_api import (
    BatchApi,
    BatchCall,
    BatchPage,
    BatchTarget,
    FileUpload,
)
from providers.batches.apis.batch_fields import read_json_answer
from providers.batches.apis.kinds import build_target, drop_call_prices, find_batch_api
from providers.batches.apis.result_line import ResultLine

__all__ = [
    "BatchApi",
    "BatchCall",
    "BatchPage",
    "BatchTarget",
    "FileUpload",
    "ResultLine",
    "build_target",
    "drop_call_prices",
    "find_batch_api",
    "read_json_answer",
]
