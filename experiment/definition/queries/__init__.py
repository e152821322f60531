"""Queries: what is asked, from a file or a data set, with the other columns that it has."""

from experiment.definition.queries.column_export import NO_COLUMNS, QueryColumns
from experiment.definition.queries.hub_data_set import describe_data_set, is_hub_file
from experiment.definition.queries.query_fields import QueryFile
from experiment.definition.queries.query_table import QueryTable, read_query_table
from experiment.definition.queries.row_choice import name_cell

__all__ = [
    "NO_COLUMNS",
    "QueryColumns",
    "QueryFile",
    "QueryTable",
    "describe_data_set",
    "is_hub_file",
    "name_cell",
    "read_query_table",
]
