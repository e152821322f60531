"""A call of a rehearsed program, read, priced and counted, or the reason why it cannot be.

What the gate would refuse is refused in the same way, so that a program meets nothing new when it
is run for money.
"""

from __future__ import annotations

from dataclasses import dataclass

from estimator.workload import PlannedModel
from experiment.prompts import Request
from pricing.errors import PricingError, Unpriced
from providers.clients import ClientCall, Operation, read_call
from providers.errors import CannotPrice
from runner.gateway import CallCosts, PricedModels
from runner.rehearsal.options import RehearsalOptions

_BAD_CALL, _NOT_FOUND = 400, 404


class Refused(Exception):
    """A call that is not answered.

    Args:
        status: of the reply; one that clients do not send again.
        code: of the error.
        message: for the program and its user.
    """

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


@dataclass(frozen=True, slots=True)
class CountedCall:
    """A call with its model and its prompt.

    Attributes:
        call: as it was read.
        provider: that it is for.
        model: that it asks.
        prompt_tokens: of it.
    """

    call: ClientCall
    provider: str
    model: PlannedModel
    prompt_tokens: int


@dataclass(frozen=True, slots=True)
class CallCounter:
    """Reads, prices and counts calls.

    Args:
        options: of the rehearsal.
        models: prices and counts them.
    """

    options: RehearsalOptions
    models: PricedModels

    def count(self, operation: Operation, body: bytes) -> CountedCall:
        """Read, price and count a call.

        Raises:
            Refused: it cannot be priced.
        """
        try:
            call = read_call(
                operation.api, body, model=operation.model, streamed=operation.is_streamed
            )
        except CannotPrice as problem:
            raise Refused(problem.status, "not_priced", str(problem)) from problem
        name = self._find_model(operation.provider, call.model)
        request = Request("", "", name, "", 0, 0, call.messages, {"max_tokens": 1})
        costs = CallCosts(self.models)
        costs.count(request, call)
        tokens = costs.count_prompt(request).tokens
        return CountedCall(call, operation.provider, self.models[name], tokens)

    def find_limit(self, counted: CountedCall) -> int:
        """Return how many tokens each answer may have.

        Raises:
            Refused: it is not known.
        """
        most = counted.model.capability.max_output
        limit = counted.call.limit or self.options.default_limit or most
        if limit is None:
            said = (
                f"the call says no max_tokens, and the largest answer of {counted.call.model} is "
                "not known; let the program say max_tokens, or give --default-max-tokens N"
            )
            raise Refused(_BAD_CALL, "not_priced", said)
        return limit

    def _find_model(self, provider: str, model: str) -> str:
        """Return the name of a model that has a price.

        Raises:
            Refused: it has none.
        """
        if provider not in self.options.providers:
            raise Refused(_NOT_FOUND, "not_supported", f"{provider} is no provider that is known")
        try:
            return self.models.find(provider, model)
        except Unpriced as error:
            said = f"{error}\nor give --price {provider}/{model}=IN/OUT"
            raise Refused(_BAD_CALL, "not_priced", said) from error
        except PricingError as error:
            raise Refused(_BAD_CALL, "not_priced", str(error)) from error
