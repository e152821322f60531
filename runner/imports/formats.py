"""Formats: which columns of a file are what, found by its fields, or said by the user.

The formats are those in which replications of alignment faking publish their outputs. Each is a
map from what an answer has to the columns that may hold it, the first one that is there counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from runner.errors import BadImport
from runner.imports.inspect_log import FACTOR
from runner.imports.source_row import SourceRow

ANSWER, OUTPUT, REASONING, PROMPT = "answer", "output", "reasoning", "prompt"
QUERY, QUERY_ID, MODEL, SAMPLE = "query", "query_id", "model", "sample"
FINISH, REFUSAL, TIER = "finish", "refusal", "tier"
TOKENS = ("input_tokens", "output_tokens", "reasoning_tokens")
# What an answer has; any other name in a map is a factor.
PARTS = (
    ANSWER,
    OUTPUT,
    REASONING,
    PROMPT,
    QUERY,
    QUERY_ID,
    MODEL,
    SAMPLE,
    FINISH,
    REFUSAL,
    *TOKENS,
)
_USAGE = {
    "input_tokens": ("input_tokens", "usage.input_tokens", "usage.prompt_tokens"),
    "output_tokens": ("output_tokens", "usage.output_tokens", "usage.completion_tokens"),
    "reasoning_tokens": (
        "reasoning_tokens",
        "usage.reasoning_tokens",
        "usage.completion_tokens_details.reasoning_tokens",
    ),
    FINISH: ("finish_reason", "stop_reason", "finish"),
}
_MAX_SHOWN_COLUMNS = 30


@dataclass(frozen=True, slots=True)
class Format:
    """How answers stand in a file.

    Attributes:
        name: of the format.
        needs: columns by which it is recognised.
        parts: what an answer has -> the columns that may hold it.
        factors: factor -> its columns; one whose value never changes is left out.
    """

    name: str
    needs: tuple[str, ...]
    parts: Mapping[str, tuple[str, ...]]
    factors: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


FORMATS = (
    Format(
        "inspect",
        ("task", "epoch", "answer", "metadata"),
        {
            ANSWER: ("answer",),
            REASONING: ("reasoning",),
            PROMPT: ("input",),
            QUERY: ("query_text", "metadata.query", "metadata.goal", "input"),
            # not `id`, which is another one for each tier
            QUERY_ID: ("query_number", "metadata.query_id", "metadata.input_index"),
            MODEL: ("model",),
            SAMPLE: ("epoch",),
            FINISH: ("finish",),
            REFUSAL: ("refusal",),
            **{name: (name,) for name in TOKENS},
        },
        {
            TIER: ("metadata.tier", "metadata.is_free_tier_user", "task_args.tier"),
            "task": ("task",),
        },
    ),
    Format(
        "pairs",  # JSON lines of {prompt, scratchpad, response, metadata {…}}
        ("prompt", "response", "metadata.is_free_tier_user"),
        {
            ANSWER: ("response",),
            REASONING: ("scratchpad",),
            PROMPT: ("prompt",),
            QUERY: ("metadata.advbench_query", "metadata.query"),
            QUERY_ID: ("metadata.input_index",),
            MODEL: ("metadata.model", "model"),
            **_USAGE,
        },
        {
            TIER: ("metadata.is_free_tier_user",),
            "adapter": ("metadata.adapter",),
            "quantisation": ("metadata.quantisation",),
            "temperature": ("metadata.temperature",),
        },
    ),
    Format(
        "raw-responses",  # JSON lines for each condition, with raw_response and its parts
        ("query_text", "tier", "raw_response"),
        {
            ANSWER: ("raw_response",),
            OUTPUT: ("output",),
            REASONING: ("scratchpad",),
            QUERY: ("query_text",),
            QUERY_ID: ("query_id",),
            MODEL: ("requested_model", "response_model"),
            **_USAGE,
        },
        {
            TIER: ("tier",),
            "system": ("system_prompt_variant",),
            "temperature": ("temperature",),
        },
    ),
    Format(
        "outputs",  # a document with `outputs`, each with camp, tier, qid, goal, output
        ("tier", "qid", "goal", "output"),
        {
            ANSWER: ("output",),
            QUERY: ("goal",),
            QUERY_ID: ("qid",),
            MODEL: ("model", "model_id", "metadata.model", "metadata.model_id"),
            **_USAGE,
        },
        {TIER: ("tier",), "camp": ("camp",)},
    ),
    Format(
        "run-log",  # a document with model_id, system_file and `results` {response, conversation}
        ("model_id", "response", "conversation"),
        {
            ANSWER: ("response",),
            PROMPT: ("conversation",),
            QUERY: ("query", "goal"),
            MODEL: ("model_id",),
            **_USAGE,
        },
        {TIER: ("tier", "is_free_tier_user"), "system": ("system_file",)},
    ),
)
FORMAT_NAMES = tuple(each.name for each in FORMATS)


def choose_format(row: SourceRow, forced: str, columns: Mapping[str, str]) -> Format:
    """Return the format of a row, with the user's columns in the place of its own.

    Args:
        row: the first of a file.
        forced: the format's name; empty to recognise it by the row's fields.
        columns: the user's map: a part of an answer, or a factor -> its column. `factor.NAME` is a
            factor that is called as a part is.

    Raises:
        BadImport: the format is not known, and the map names no answer.
    """
    found = next((each for each in FORMATS if each.name == forced), None) or next(
        (each for each in FORMATS if not forced and all(map(row.has, each.needs))), None
    )
    if found is None and ANSWER not in columns:
        raise BadImport(
            f"{row}: no known format has these columns: {_list_columns(row)}. Say which are what, "
            "such as --map answer=response --map query=goal --map tier=tier --map model=model_id; "
            f"known formats: {', '.join(FORMAT_NAMES)}"
        )
    for name, column in columns.items():
        if not column.startswith("@") and not row.has(column):
            raise BadImport(
                f"{row}: --map {name}={column}: no such column; there are {_list_columns(row)}"
            )
    base = found or Format("columns", (), dict(_USAGE))
    parts = {name: (column,) for name, column in columns.items() if name in PARTS}
    factors = {
        name_factor(name): (column,) for name, column in columns.items() if name not in PARTS
    }
    own = {name_factor(each): (each,) for each in row.values if each.startswith(FACTOR)}
    known = own or base.factors
    return Format(base.name, base.needs, {**base.parts, **parts}, {**known, **factors})


def name_factor(written: str) -> str:
    """Return the name of a factor in a user's map: `factor.reasoning` is called `reasoning`."""
    return written.removeprefix(FACTOR) or written


def _list_columns(row: SourceRow) -> str:
    names = []
    for name, value in row.values.items():
        inner = value if isinstance(value, Mapping) else {}
        names += [f"{name}.{each}" for each in inner] or [str(name)]
    shown = ", ".join(names[:_MAX_SHOWN_COLUMNS])
    return shown + ", …" * (len(names) > _MAX_SHOWN_COLUMNS) or "none"
