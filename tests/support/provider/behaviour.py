"""How the provider behaves: plain values, given by a test, sent to the provider as JSON.

    Behaviour(output_tokens=(5, 60), faults=(Fault("500_after", calls=(3,)),))

Everything random is drawn from the seed and the call's number, so a run of the same calls costs
the same, in whichever order they are answered.
"""

import dataclasses
import hashlib
import json
import math
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from tests.support.provider.answers import ANSWERS
from tests.support.provider.api_formats import read_text
from tests.support.provider.batches.batch_behaviour import BatchBehaviour
from tests.support.provider.caching.prefix_cache import CacheRules
from tests.support.provider.outages import Outage
from tests.support.provider.shapes.drawing import Drawn, ReasoningDisplay, check_shapes, draw

FaultKind = Literal[
    "429",  # refused, with Retry-After; not billed
    "quota",  # 429 too, but the money is used up: retrying is of no use; not billed
    "402",  # payment required; not billed
    "500_before",  # an error before the work was done; not billed
    "500_after",  # billed, then an error
    "cut_before",  # the connection closes; not billed
    "cut_after",  # billed, then the connection closes
    "cut_body",  # billed; the connection closes in the middle of a body of known length
    "cut_stream",  # billed; it closes in the middle of a body that comes in chunks
    "slow",  # billed; half of the answer comes in time, the rest `seconds` later
    "stall",  # billed, and never answered
    "refused",  # billed and answered; then nobody listens for `seconds`
    "malformed",  # billed; the answer's JSON breaks off
    "no_usage",  # billed; the answer does not say what
    "zero_usage",  # billed; the answer says that it was nothing
    "halved_usage",  # billed; the answer says that it was half of it
    "inflated_output",  # billed; the answer says twice the output, within max_tokens
    "inflated_prompt",  # billed; the answer says twice the prompt
    "over_max",  # billed, and answered, beyond max_tokens
    "fewer_choices",  # half of the answers that `n` asks for, one at least; billed for these
    # Answers that refuse, see `refused_answers`:
    "refusal",  # billed; the text is in `message.refusal`
    "content_filter",  # billed; half of the text, with that finish
    "truncated",  # billed; no text, all of the output was thought
    "finish_error",  # billed; half of the text, with that finish
    "filter_400",  # an error of a filter; not billed
    "filter_400_billed",  # the same, billed
    "error_in_200",  # a 200 that holds the error of another server; not billed
]
UNBILLED = frozenset(
    {"429", "quota", "402", "500_before", "cut_before", "filter_400", "error_in_200"}
)


@dataclass(frozen=True)
class Fault:
    """One way to misbehave, and when.

    Attributes:
        kind: what goes wrong.
        calls: the numbers of the calls that it strikes, counted from 1.
        probability: the chance that it strikes any other call.
        after: the chance concerns only calls with a greater number than this.
        model: strike only calls of this model; empty strikes all.
        retry_after: seconds, told with a 429.
        beyond: how many tokens `over_max` adds to what was allowed.
        seconds: how late a `slow` answer is, and how long a `refused` lasts.
    """

    kind: FaultKind
    calls: tuple[int, ...] = ()
    probability: float = 0.0
    after: int = 0
    model: str = ""
    retry_after: float = 1.0
    beyond: int = 100
    seconds: float = 1.0

    def __post_init__(self) -> None:
        """Refuse a misspelt kind: a fault that never strikes would let a test pass."""
        if self.kind not in get_args(FaultKind):
            raise ValueError(f"no fault {self.kind!r}; there are {', '.join(get_args(FaultKind))}")


@dataclass(frozen=True)
class Behaviour:
    """All that a provider does.

    Attributes:
        answer: the name of a text in `answers.ANSWERS`.
        text: a fixed answer in its place.
        replies: a part of a prompt -> the answer to it in place of both, the first that fits.
        wordy: in place of all these, a text of as many tokens of Llama 3.1 as it is billed for.
        delay: seconds between a request and its answer, or the first event of a stream.
        event_delay: seconds between two events of a stream.
        output_tokens: what an answer is billed, or the smallest and largest of a range drawn
            evenly; `max_tokens` cuts it.
        lengths: in their place the mean of a lognormal length, its squared coefficient of
            variation, and the share of it that is the same for all prompts with the same last
            message.
        reasoning_tokens: how many of these were not visible (OpenAI's form tells).
        hides_reasoning: `completion_tokens` leaves them out, and only `total_tokens` tells.
        input_tokens: what a prompt is billed: a number, or one for each `prompt_key`, or
            "counted" for what the model's own tokenizer counts, or None for a quarter of its
            bytes. A prompt that is not in the table is a 400.
        cache_read_tokens: how many of the input tokens are billed as read from a cache.
        cache_write_tokens: how many are billed as written to one (Anthropic's form tells).
        caches: in place of both a cache by the rules of `caching`: `marked` as Anthropic's,
            `unasked` as OpenAI's.
        least_cached: the shortest beginning of a prompt that it caches, in tokens.
        states_cost: what it says that tokens cost, input and output in USD per million (OpenAI's
            form tells, under OpenRouter's name and under DeepInfra's); empty says nothing.
        tier: the service tier that it says it served in; empty says nothing.
        models: what it lists at /v1/models; empty has no such list (404).
        api_key: refuse every other key with a 401; empty takes any.
        faults: the first that strikes a call is the one that happens.
        outages: in which no fault strikes.
        lie: the name of one of `lies.LIES`, told in every answer; empty tells the truth.
        shares: shape -> how many of the answers have it, those of judges apart; the rest are texts.
        complies: a part of a prompt, or of a model's name -> how likely a text does what is asked
            there, the first that fits, in place of `answer`; judges are right about it.
        errs: how likely a judge says the opposite of what is true, drawn from its prompt.
        shows_reasoning: how reasoning is shown.
        batches: what becomes of batches.
        seed: of all that is random.
    """

    answer: str = "accept"
    text: str | None = None
    replies: Mapping[str, str] = field(default_factory=dict)
    wordy: bool = False
    delay: float = 0.0
    event_delay: float = 0.0
    output_tokens: int | tuple[int, int] = 32
    lengths: tuple[float, float, float] | None = None
    reasoning_tokens: int = 0
    hides_reasoning: bool = False
    input_tokens: int | Mapping[str, int] | Literal["counted"] | None = None
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    caches: CacheRules = ""
    least_cached: int = 1024
    states_cost: tuple[str, ...] = ()
    tier: str = ""
    models: tuple[str, ...] = ()
    api_key: str = ""
    faults: tuple[Fault, ...] = field(default=())
    outages: tuple[Outage, ...] = ()
    lie: str = ""
    shares: Mapping[str, float] = field(default_factory=dict)
    complies: Mapping[str, float] = field(default_factory=dict)
    errs: float = 0.0
    shows_reasoning: ReasoningDisplay = ""
    batches: BatchBehaviour = field(default_factory=BatchBehaviour)
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse an answer and shapes that do not exist."""
        if self.answer not in ANSWERS:
            raise ValueError(f"no answer {self.answer!r}; there are {', '.join(ANSWERS)}")
        check_shapes(self.shares)

    def to_json(self) -> str:
        """Write it for the provider's process."""
        return json.dumps(dataclasses.asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Behaviour":
        """Read what `to_json` wrote, or a part of it; the rest keeps its defaults."""
        fields = json.loads(text)
        faults = fields.get("faults", ())
        fields["faults"] = tuple(Fault(**f | {"calls": tuple(f.get("calls", ()))}) for f in faults)
        fields["outages"] = tuple(Outage(**each) for each in fields.get("outages", ()))
        if "batches" in fields:
            fields["batches"] = BatchBehaviour.from_fields(fields["batches"])
        fields["models"] = tuple(fields.get("models", ()))
        fields["states_cost"] = tuple(fields.get("states_cost", ()))
        if isinstance(fields.get("output_tokens"), list):
            fields["output_tokens"] = tuple(fields["output_tokens"])
        if isinstance(fields.get("lengths"), list):
            fields["lengths"] = tuple(fields["lengths"])
        return cls(**fields)

    def fault(self, call: int, model: str) -> Fault | None:
        """Decide what goes wrong with this call, if anything."""
        concerned = [f for f in self.faults if f.model in ("", model)]
        chance = random.Random(f"{self.seed} fault {call}")
        drawn = [chance.random() < f.probability and call > f.after for f in concerned]
        struck = (f for f, hit in zip(concerned, drawn, strict=True) if hit or call in f.calls)
        return next(struck, None)

    def draw(self, messages: list[dict[str, Any]], model: str) -> Drawn:
        """Draw what the answer to a prompt is, the same whenever it is asked."""
        prompt = "\n".join([model, *(str(message.get("content")) for message in messages)])
        key = f"{self.seed} shape {model} {prompt_key(messages)}"
        return draw(key, prompt, self.shares, self.complies, self.shows_reasoning)

    def find_reply(self, prompt: str) -> str | None:
        """Return the answer that is given to prompts of this kind; None where there is none."""
        return next((reply for part, reply in self.replies.items() if part in prompt), self.text)

    def misjudges(self, messages: list[dict[str, Any]], model: str) -> bool:
        """Draw whether a judge errs about an answer, the same whenever it is asked."""
        key = f"{self.seed} errs {model} {prompt_key(messages)}"
        return random.Random(key).random() < self.errs

    def output_for(self, call: int, query: str = "", choice: int = 0) -> int:
        """Draw how many tokens an answer to this call would have if nothing cut it.

        Args:
            call: its number.
            query: the last message of its prompt.
            choice: which of several answers.
        """
        if self.lengths is not None:
            mean, cv_squared, shared = self.lengths
            variance = math.log1p(cv_squared)
            of_query = random.Random(f"{self.seed} length {query}").gauss(0, 1)
            of_call = random.Random(f"{self.seed} output {call} {choice}").gauss(0, 1)
            z = math.sqrt(shared) * of_query + math.sqrt(1 - shared) * of_call
            return max(1, round(mean * math.exp(math.sqrt(variance) * z - variance / 2)))
        if isinstance(self.output_tokens, int):
            return self.output_tokens
        dice = random.Random(f"{self.seed} output {call}" + (f" {choice}" if choice else ""))
        return dice.randint(*self.output_tokens)

    def input_for(self, messages: list[dict[str, Any]], model: str) -> int | None:
        """Bill a prompt; None if the table does not know it."""
        if self.input_tokens is None:
            return max(1, len(canonical(messages)) // 4)
        if isinstance(self.input_tokens, int):
            return self.input_tokens
        if self.input_tokens == "counted":
            return _counted(messages, model)
        return self.input_tokens.get(prompt_key(messages))


def _counted(messages: list[dict[str, Any]], model: str) -> int:
    """Count a prompt as afcost does, which other tests hold against the makers' tokenizers."""
    from estimator.counting.model_families import find_family_tokenizer  # noqa: PLC0415 - half a second, rarely needed
    from experiment.prompts.request import Message  # noqa: PLC0415

    told = tuple(Message(each["role"], read_text(each["content"])) for each in messages)
    return find_family_tokenizer(model).count(told).tokens


def canonical(messages: list[dict[str, Any]]) -> bytes:
    """Write messages as compact JSON with sorted keys, in UTF-8."""
    return json.dumps(messages, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def prompt_key(messages: list[dict[str, Any]]) -> str:
    """Return the SHA-256 by which the input table knows a prompt.

    Anthropic's `system` text counts as a first message with the role "system".
    """
    return hashlib.sha256(canonical(messages)).hexdigest()
