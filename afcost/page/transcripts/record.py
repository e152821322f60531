"""Records: one answer's texts as the page's script reads them, without keys and addresses' secrets.

A prompt's messages are shared by many answers, so a record only has their numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from providers.secrets import redact_addresses
from runner.results.reading import JudgeTranscript, Transcript, VoteText

Record = dict[str, Any]


def make_record(transcript: Transcript, number_text: Callable[[str], int]) -> Record:
    """Return the texts, tokens and cost of an answer.

    Args:
        transcript: of the answer.
        number_text: returns the number of a prompt's text, the same for the same text.
    """
    answer = transcript.answer
    messages = transcript.messages
    return {
        "messages": messages and [[each.role, number_text(each.content)] for each in messages],
        "thoughts": [[each.form.value, _redact(each.text)] for each in transcript.thoughts],
        "output": _redact(answer.output) if answer else "",
        "refusal": _redact(answer.refusal) if answer else "",
        "finish": _redact(transcript.finish),
        "turns": transcript.turns,
        "tokens": [
            transcript.input_tokens,
            transcript.cached_tokens,
            transcript.output_tokens,
            transcript.reasoning_tokens,
        ],
        "cost": transcript.cost.to_decimal_string(),
        "judges": list(map(_record_judge, transcript.judges)),
    }


def _record_judge(judge: JudgeTranscript) -> Record:
    return {
        "tally": judge.tally,
        "unreadable": judge.reading.unreadable,
        "byRule": judge.reading.value is not None and not judge.votes,
        "cost": judge.cost.to_decimal_string(),
        "votes": list(map(_record_vote, judge.votes)),
    }


def _record_vote(vote: VoteText) -> Record:
    return {
        "says": vote.says or f"no vote ({vote.fault})",
        "text": _redact(vote.text),
        "reasoning": _redact(vote.reasoning),
        "scores": vote.scores,
        "tokens": [vote.input_tokens, vote.output_tokens],
    }


def _redact(text: str) -> str:
    return redact_addresses(text) if text else ""
