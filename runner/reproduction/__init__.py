"""What a run was made of, and whether it can be made again from its folder alone."""

from runner.reproduction.provenance import (
    ModelProvenance,
    ModelTally,
    Provenance,
    read_provenance,
)
from runner.reproduction.reproduce import Reproduction, reproduce_run

__all__ = [
    "ModelProvenance",
    "ModelTally",
    "Provenance",
    "Reproduction",
    "read_provenance",
    "reproduce_run",
]
