"""Rehearsals: a program is run, and its calls are answered here, recorded and sent nowhere.

Reading order: `options`, `rehearsed_program` (the two runs), `stand_in` (what answers), with
`counted_call`, `kept_bodies`, `free_answers`, `replies` (the user's own answers), `placeholders`
and `answers`.
"""

from runner.rehearsal.options import RehearsalOptions
from runner.rehearsal.rehearsed_program import REHEARSAL_VARIABLE, rehearse
from runner.rehearsal.replies import Replies, read_replies

__all__ = ["REHEARSAL_VARIABLE", "RehearsalOptions", "Replies", "read_replies", "rehearse"]
