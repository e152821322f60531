"""The experiment file: its fields, its queries, its conditions."""

from experiment.definition.base_url import check_base_url
from experiment.definition.bounded_yaml import parse_yaml
from experiment.definition.builtins import (
    BUILTIN_SOURCE,
    BuiltinExperiment,
    builtin_folder,
    find_builtin,
    is_builtin,
    list_builtins,
)
from experiment.definition.experiment import (
    ROW,
    Condition,
    Experiment,
    Overrides,
    cross_factors,
)
from experiment.definition.field_types import FILE_NAME, MAX_NAME, MessageTemplate, Target
from experiment.definition.judge import MISSING, NEGATIVE, POSITIVE, Judge
from experiment.definition.judges import (
    COMPLIANCE,
    DEFAULT_VERDICT,
    REFUSAL,
    VERDICT_SCHEMA,
    FieldValue,
    Selection,
    VerdictField,
    VerdictFormat,
    VoteRule,
    count_votes,
    list_awaited,
    normalize_name,
    normalize_word,
    order_judges,
    unify_word,
)
from experiment.definition.loader import load_experiment
from experiment.definition.provider_fields import VARIABLE_NAME, ProviderFields
from experiment.definition.queries import (
    NO_COLUMNS,
    QueryColumns,
    QueryFile,
    QueryTable,
    describe_data_set,
    is_hub_file,
    name_cell,
    read_query_table,
)
from experiment.definition.reasoning_field import REASONING_LEVELS
from experiment.definition.sampling import EXTRA, Sampling, merge_extra
from experiment.definition.sampling_fields import PRICED_FIELDS, check_field_name, is_known_field
from experiment.definition.schema import (
    PROXY,
    SUBJECT,
    AnswerFormat,
    ExperimentSpec,
    SequentialTest,
    SubjectModel,
    read_stored_spec,
)
from experiment.definition.uses import Use, list_uses

__all__ = [
    "BUILTIN_SOURCE",
    "COMPLIANCE",
    "DEFAULT_VERDICT",
    "EXTRA",
    "FILE_NAME",
    "MAX_NAME",
    "MISSING",
    "NEGATIVE",
    "NO_COLUMNS",
    "POSITIVE",
    "PRICED_FIELDS",
    "PROXY",
    "REASONING_LEVELS",
    "REFUSAL",
    "ROW",
    "SUBJECT",
    "VARIABLE_NAME",
    "VERDICT_SCHEMA",
    "AnswerFormat",
    "BuiltinExperiment",
    "Condition",
    "Experiment",
    "ExperimentSpec",
    "FieldValue",
    "Judge",
    "MessageTemplate",
    "Overrides",
    "ProviderFields",
    "QueryColumns",
    "QueryFile",
    "QueryTable",
    "Sampling",
    "Selection",
    "SequentialTest",
    "SubjectModel",
    "Target",
    "Use",
    "VerdictField",
    "VerdictFormat",
    "VoteRule",
    "builtin_folder",
    "check_base_url",
    "check_field_name",
    "count_votes",
    "cross_factors",
    "describe_data_set",
    "find_builtin",
    "is_builtin",
    "is_hub_file",
    "is_known_field",
    "list_awaited",
    "list_builtins",
    "list_uses",
    "load_experiment",
    "merge_extra",
    "name_cell",
    "normalize_name",
    "normalize_word",
    "order_judges",
    "parse_yaml",
    "read_query_table",
    "read_stored_spec",
    "unify_word",
]
