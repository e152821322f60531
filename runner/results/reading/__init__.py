"""Reading a run answer by answer: transcripts, filters over them, and exports of all of them."""

from runner.results.reading.answer_filter import AnswerFilter, read_answer_filter
from runner.results.reading.export import EXPORT_ENDINGS, export_run
from runner.results.reading.judge_words import list_words_said
from runner.results.reading.latest_answers import LatestAnswer, LatestAnswers
from runner.results.reading.transcripts import (
    JudgeTranscript,
    Transcript,
    TranscriptReader,
    VoteText,
    open_transcripts,
)

__all__ = [
    "EXPORT_ENDINGS",
    "AnswerFilter",
    "JudgeTranscript",
    "LatestAnswer",
    "LatestAnswers",
    "Transcript",
    "TranscriptReader",
    "VoteText",
    "export_run",
    "list_words_said",
    "open_transcripts",
    "read_answer_filter",
]
