"""Answers of the rehearsal in the form of each API: whole, and as events of a stream.

Reading order: `said` (what is said), the four APIs `chat`, `responses`, `messages` and `generate`,
`events` (how events are written), `writing` (which of them).
"""

from runner.rehearsal.answers.said import Said
from runner.rehearsal.answers.writing import write_stream, write_whole

__all__ = ["Said", "write_stream", "write_whole"]
