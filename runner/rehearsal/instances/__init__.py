"""Instances: JSON values that satisfy a schema, the same ones each time.

Reading order: `writer` (values of any schema), `merging` (schemas that hold together, and
references), `spellings` (of some APIs), `numbers`, `strings` and `patterns` (single values).
"""

from runner.rehearsal.instances.merging import NoInstance
from runner.rehearsal.instances.writer import write_instance

__all__ = ["NoInstance", "write_instance"]
