"""Records of a ledger: attempts, stored answers and balances."""

from __future__ import annotations

import json
from dataclasses import dataclass

from estimator.counting import TokenCount
from experiment.prompts import Request
from pricing.money import Money
from providers.reply import ModelResponse


@dataclass(frozen=True, slots=True)
class Attempt:
    """One sending of one request.

    Attributes:
        job: id of the subject request that it belongs to.
        request: id of what is sent.
        number: from 1; each sending of a request is an attempt with a reservation of its own.
        stage, model, condition, query, sample, vote: as in the request.
        counted, bound: prompt tokens as counted here, and as reserved for.
        exactness: of `counted`.
    """

    job: str
    request: str
    number: int
    stage: str
    model: str
    condition: str
    query: int
    sample: int
    vote: int
    counted: int
    bound: int
    exactness: str

    @classmethod
    def from_request(cls, request: Request, job: str, number: int, count: TokenCount) -> Attempt:
        """Create the record of the next attempt at a request."""
        return cls(
            job=job,
            request=request.id,
            number=number,
            stage=request.stage,
            model=request.model,
            condition=request.condition,
            query=request.query,
            sample=request.sample,
            vote=request.vote,
            counted=count.tokens,
            bound=count.bound,
            exactness=count.exactness.value,
        )

    @property
    def id(self) -> str:
        """The request's id with the attempt's number."""
        return f"{self.request}.{self.number}"


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """A stored answer: `text` continues `prefill`; `hidden` tokens are part of `output`."""

    prefill: str
    text: str
    reasoning: str
    finish: str
    input: int
    cache_read: int
    cache_write: int
    output: int
    hidden: int
    stated_cost: int | None
    model: str
    provider_id: str
    usage: str

    @classmethod
    def from_response(cls, request: Request, response: ModelResponse, text: str) -> StoredAnswer:
        """Create the record of a provider's response; `text` excludes the request's prefill."""
        usage = response.usage
        return cls(
            prefill=request.prefill,
            text=text,
            reasoning=response.reasoning,
            finish=response.finish,
            input=usage.input,
            cache_read=usage.cache_read,
            cache_write=usage.cache_write + usage.cache_write_1h,
            output=usage.output,
            hidden=usage.reasoning,
            stated_cost=response.stated_cost.pico if response.stated_cost else None,
            model=response.model,
            provider_id=response.id,
            usage=json.dumps(response.raw_usage, default=str),
        )


def column_values(row: Attempt | StoredAnswer) -> tuple[object, ...]:
    """Return a record's values in the order of its SQL columns."""
    return tuple(getattr(row, name) for name in row.__slots__)


@dataclass(frozen=True, slots=True)
class Balance:
    """The amounts in a ledger's accounts; all four accounts count against the cap."""

    cap: Money
    settled: Money
    held: Money
    reserved: Money
    aside: Money

    @property
    def free(self) -> Money:
        """The amount that can still be allocated."""
        return self.cap - self.settled - self.held - self.reserved - self.aside
