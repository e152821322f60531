"""Records: one answer's texts as the page's script reads them, without keys and addresses' secrets.

A prompt's messages are shared by many answers, so a record only has their numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from providers.secrets import redact_values
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
    record = {
        "messages": messages and [[each.role, number_text(each.content)] for each in messages],
        "thoughts": [[each.form.value, each.text] for each in transcript.thoughts],
        "output": answer.output if answer else "",
        "refusal": answer.refusal if answer else "",
        "finish": transcript.finish,
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
    return cast("Record", redact_values(record))


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
        "text": vote.text,
        "reasoning": vote.reasoning,
        "scores": vote.scores,
        "tokens": [vote.input_tokens, vote.output_tokens],
    }
