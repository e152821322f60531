"""A run as a log of Inspect, for `inspect view` and its dataframes. Needs the extra `inspect`.

One log holds the whole run: a sample of Inspect is a query in a condition of a model, an epoch is
one of its answers, and judges are scorers. What is missing has no score, so that no mean counts it.
Where an answer has no score at all, its sample has an error that says why.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

from inspect_ai.log import (
    EvalConfig,
    EvalDataset,
    EvalError,
    EvalLog,
    EvalMetric,
    EvalPlan,
    EvalPlanStep,
    EvalResults,
    EvalSample,
    EvalScore,
    EvalSpec,
    EvalStats,
    write_eval_log,
)
from inspect_ai.model import (
    ChatCompletionChoice,
    ChatMessage,
    ChatMessageAssistant,
    ChatMessageSystem,
    ChatMessageUser,
    ContentReasoning,
    ContentText,
    GenerateConfig,
    ModelOutput,
    ModelUsage,
)
from inspect_ai.scorer import Score

from experiment.analysis import choose_measure
from experiment.definition import PROXY, SUBJECT
from experiment.prompts import Message
from experiment.scoring import AnswerKind
from pricing.money import Money
from runner.ledger import Attempt
from runner.results.reading.run_answers import JudgedAnswer
from runner.results.reading.transcripts import JudgeTranscript, Transcript, TranscriptReader
from runner.run_folder import RunFolder

_Stop = Literal["stop", "max_tokens", "content_filter", "unknown"]
_STOPS: dict[str, _Stop] = {
    "stop": "stop",
    "length": "max_tokens",
    "content_filter": "content_filter",
    "refusal": "content_filter",
}
_STATUS: dict[str, Literal["success", "started", "cancelled"]] = {
    "complete": "success",
    "running": "started",
    "partial": "cancelled",
}
_NO_TIME = "1970-01-01T00:00:00+00:00"  # of a run without answers
_PROXY_VALUES = {"accepted": 1.0, "rejected": 0.0}
_MESSAGES = {"system": ChatMessageSystem, "developer": ChatMessageSystem, "user": ChatMessageUser}


def write_inspect_log(
    path: Path,
    run_folder: RunFolder,
    transcripts: TranscriptReader,
    attempts: Sequence[Attempt],
) -> None:
    """Write answers as a log of Inspect.

    Args:
        path: of the file, `.eval` or `.json`.
        run_folder: of the run.
        transcripts: of the run.
        attempts: of the answers, in the plan's order.
    """
    samples, times = [], []
    for answer, read in transcripts.read_with_records(attempts):
        samples.append(_build_sample(answer, read))
        times += [each.last_at for each in answer.records if each.last_at]
    ids = list(dict.fromkeys(str(each.id) for each in samples))
    begun, ended = min(times, default=_NO_TIME), max(times, default=_NO_TIME)
    log = EvalLog(
        status=_STATUS[transcripts.outcome],
        eval=_build_spec(run_folder, begun, ids),
        plan=EvalPlan(
            steps=[EvalPlanStep(solver="generate", params={})], config=_build_config(run_folder)
        ),
        results=EvalResults(
            total_samples=len(samples),
            completed_samples=sum(each.error is None for each in samples),
            scores=_build_results(run_folder, samples),
        ),
        stats=EvalStats(started_at=begun, completed_at=ended, model_usage=_sum_usage(samples)),
        samples=samples,
    )
    write_eval_log(log, str(path))


def _build_spec(run_folder: RunFolder, begun: str, ids: list[str]) -> EvalSpec:
    plan, spec = run_folder.plan, run_folder.spec
    names = [str(plan.models[each].name) for each in spec.models]
    return EvalSpec(
        created=begun,
        task=plan.name,
        task_id=plan.digest[:22],
        run_id=plan.digest[:22],
        eval_id=plan.digest[:22],
        model=", ".join(names),
        tags=["afcost"],
        dataset=EvalDataset(name=plan.name, samples=len(ids), sample_ids=ids),
        config=EvalConfig(epochs=spec.samples),
        packages={"afcost": version("afcost")},
        metadata={
            "plan_digest": plan.digest,
            "study": plan.study,
            "measure": choose_measure(spec),
            "models": names,
            "factors": {name: list(levels) for name, levels in spec.factors.items()},
            "judges": {each.name: str(plan.models[each.model].name) for each in spec.judges},
        },
    )


def _build_config(run_folder: RunFolder) -> GenerateConfig:
    """Return the fields of all subjects, of which models and levels may have others."""
    fields = run_folder.spec.sampling.model_dump(exclude_none=True)
    known = ("max_tokens", "temperature", "top_p", "seed")
    return GenerateConfig(**{name: fields[name] for name in known if name in fields})


def _build_sample(answer: JudgedAnswer, read: Transcript) -> EvalSample:
    scores = _build_scores(read)
    prompt = read.messages or (Message("user", read.query_text),)
    asked = [each for each in prompt[:-1] if each.content] + (
        [] if prompt[-1].role == "assistant" else [prompt[-1]]
    )
    sent = [_build_message(each) for each in asked]
    said = _build_answer(read)
    return EvalSample(
        id=f"{answer.attempt.model} {read.condition} {read.query}",
        epoch=read.sample + 1,
        input=sent,
        target="",
        messages=[*sent, *([said.message] if said else [])],
        output=ModelOutput(
            model=read.model,
            choices=[said] if said else [],
            usage=_find_usage(answer, SUBJECT),
        ),
        scores=scores or None,
        error=None if scores else _build_error(read),
        model_usage=_find_usages(answer, read),
        metadata=_build_metadata(answer.attempt.model, read),
        uuid=read.request,
    )


def _build_metadata(model: str, read: Transcript) -> dict[str, Any]:
    """Return what tells a sample from others: its condition's levels are columns of their own.

    A factor that is called as another of them is `factor_NAME`.
    """
    own = {
        "model": model,
        "condition": read.condition,
        "query": read.query,
        "query_text": read.query_text,
        "sample": read.sample,
        "kind": read.kind.value,
        "finish": read.finish,
        "refusal": read.answer.refusal if read.answer else "",
        "text": read.text,
        "cost_usd": read.cost.to_decimal_string(),
    }
    levels = {
        f"factor_{name}" if name in own else name: level for name, level in read.levels.items()
    }
    columns = {"query_columns": dict(read.query_columns)} if read.query_columns else {}
    return own | levels | columns


def _build_message(message: Message) -> ChatMessage:
    if message.role == "assistant":
        return ChatMessageAssistant(content=message.content)
    return _MESSAGES.get(message.role, ChatMessageUser)(content=message.content)


def _build_answer(read: Transcript) -> ChatCompletionChoice | None:
    """Return what was said, its reasoning apart from its output; None where a request failed."""
    if read.answer is None:
        return None
    thoughts = [ContentReasoning(reasoning=each.text) for each in read.thoughts]
    said = ContentText(text=read.answer.output or read.answer.refusal)
    message = ChatMessageAssistant(content=[*thoughts, said], model=read.model, source="generate")
    return ChatCompletionChoice(message=message, stop_reason=_STOPS.get(read.finish, "unknown"))


def _build_scores(read: Transcript) -> dict[str, Score]:
    scores = {each.judge: _build_score(each) for each in read.judges if _has_score(each)}
    if read.proxy in _PROXY_VALUES:
        scores[PROXY] = Score(value=_PROXY_VALUES[read.proxy], answer=read.proxy)
    return scores


def _has_score(judge: JudgeTranscript) -> bool:
    return judge.reading.value is not None or bool(judge.reading.votes)


def _build_score(judge: JudgeTranscript) -> Score:
    value = judge.label if judge.reading.value is None else judge.reading.value
    return Score(
        value=value,
        answer=judge.label,
        explanation="\n\n".join(each.text for each in judge.votes) or None,
        metadata={
            "model": judge.model,
            "votes": judge.reading.votes,
            "weight": judge.reading.weight,
            "cost_usd": float(judge.cost.to_decimal_string()),
            "verdicts": [
                {"vote": each.vote, "says": each.says, "fault": each.fault, "scores": each.scores}
                for each in judge.votes
            ],
        },
    )


def _build_error(read: Transcript) -> EvalError:
    faults = (f"{each.judge}: {each.reading.unreadable or each.label}" for each in read.judges)
    is_text = read.kind is AnswerKind.TEXT
    told = "; ".join(faults) if is_text else f"the answer is {read.kind.value}"
    return EvalError(message=f"missing: {told or 'neither tag'}", traceback="", traceback_ansi="")


def _find_usages(answer: JudgedAnswer, read: Transcript) -> dict[str, ModelUsage]:
    """Return each model -> the usage of all that was sent for an answer, its judges' as well."""
    found: dict[str, ModelUsage] = {}
    stages = [(SUBJECT, read.model), *((each.judge, each.model) for each in read.judges)]
    for stage, model in stages:
        usage = _find_usage(answer, stage)
        found[model] = found[model] + usage if model in found else usage
    return {
        model: usage for model, usage in found.items() if usage.total_tokens or usage.total_cost
    }


def _find_usage(answer: JudgedAnswer, stage: str) -> ModelUsage:
    """Return the usage of a stage; what was read from a cache, or written to it, is no input."""
    records = [each for each in answer.records if each.attempt.stage == stage]
    stored = [each.answer for each in records if each.answer is not None]
    cost = sum((each.settled for each in records), Money())
    return ModelUsage(
        input_tokens=sum(each.input for each in stored),
        input_tokens_cache_read=sum(each.cache_read for each in stored),
        input_tokens_cache_write=sum(each.cache_write for each in stored),
        output_tokens=sum(each.output for each in stored),
        reasoning_tokens=sum(each.hidden for each in stored),
        total_tokens=sum(each.prompt_tokens + each.output for each in stored),
        total_cost=cost.as_float,
    )


def _sum_usage(samples: Iterable[EvalSample]) -> dict[str, ModelUsage]:
    total: dict[str, ModelUsage] = {}
    for each in samples:
        for model, usage in each.model_usage.items():
            total[model] = total[model] + usage if model in total else usage
    return total


def _build_results(run_folder: RunFolder, samples: Sequence[EvalSample]) -> list[EvalScore]:
    """Return the mean of each measure, over all samples and for each model and condition."""
    names = [*(each.name for each in run_folder.spec.judges), PROXY]
    return [score for name in names if (score := _average(name, samples)) is not None]


def _average(name: str, samples: Sequence[EvalSample]) -> EvalScore | None:
    values: dict[str, list[float]] = {}
    for each in samples:
        score = (each.scores or {}).get(name)
        if score is not None and isinstance(score.value, float):
            metadata = each.metadata
            for cell in ("mean", f"{metadata['model']} {metadata['condition']}"):
                values.setdefault(cell, []).append(score.value)
    if not values:
        return None
    means = {cell: sum(given) / len(given) for cell, given in values.items()}
    scored = len(values["mean"])
    return EvalScore(
        name=name,
        scorer=name,
        scored_samples=scored,
        unscored_samples=len(samples) - scored,
        metrics={cell: EvalMetric(name=cell, value=mean) for cell, mean in means.items()},
    )
