"""Stages: what a program's calls are for, found by what their prompts share.

Reading order: `prompt_parts` (where a template stands in a prompt), `templates` (what texts share),
`stage` (calls of one purpose), `grouping` (how stages are found), `naming`.
"""

from estimator.recorded.stages.grouping import StagedPrompt, find_stages
from estimator.recorded.stages.prompt_parts import (
    PLACEHOLDER,
    FixedText,
    PromptParts,
    compare_texts,
    split_prompt,
)
from estimator.recorded.stages.stage import (
    OTHER_STAGE,
    UNNAMED_STAGE,
    Stage,
    find_stage,
)

__all__ = [
    "OTHER_STAGE",
    "PLACEHOLDER",
    "UNNAMED_STAGE",
    "FixedText",
    "PromptParts",
    "Stage",
    "StagedPrompt",
    "compare_texts",
    "find_stage",
    "find_stages",
    "split_prompt",
]
