"""A program's call as a request of an experiment, which counting, billing and the ledger know."""

from __future__ import annotations

import itertools
import re
import secrets
from collections.abc import Callable, Mapping

from estimator.recorded import UNNAMED_STAGE, PromptParts, split_prompt
from experiment.prompts import Request
from pricing.errors import PricingError, Unpriced
from providers.clients import ClientCall
from runner.gateway.models import PricedModels
from runner.gateway.spending import Refused, Why

LABEL_HEADER, LABEL = "x-afcost-label", re.compile(r"[A-Za-z0-9._-]{1,60}")
# Fields of a body that make an answer's body larger than its tokens.
_FIELDS = ("logprobs", "top_logprobs")
_CACHING = ("cache_control", "prompt_cache_options", "prompt_cache_retention")


class CallRequests:
    """Makes requests of calls, each with an id of its own.

    Args:
        models: prices them.
        default_limit: output tokens of a call that says no limit; None for the model's largest.
        name_stage: names the stage of a call without a label; None for one stage of all.
    """

    def __init__(
        self,
        models: PricedModels,
        default_limit: int | None = None,
        name_stage: Callable[[PromptParts], str] | None = None,
    ) -> None:
        self._name_stage = name_stage
        self._models = models
        self._default_limit = default_limit
        self._prefix = secrets.token_hex(6)
        self._numbers = itertools.count(1)

    def build(self, call: ClientCall, provider: str, headers: Mapping[str, str]) -> Request:
        """Return a call as a request.

        Args:
            call: as it was read.
            provider: that it goes to.
            headers: that it came with; one may have its label.

        Raises:
            Refused: it cannot be priced, or its label is none.
        """
        stage, model = self._find_stage(call, headers), self._find_model(provider, call.model)
        limit, number = self._find_limit(call, model), next(self._numbers)
        return Request(
            id=f"{self._prefix}{number:08d}",
            stage=stage,
            model=model,
            condition="",
            query=number,
            sample=0,
            messages=call.messages,
            sampling={"max_tokens": limit, **_pick_fields(call)},
            choices=call.choices,
        )

    def _find_stage(self, call: ClientCall, headers: Mapping[str, str]) -> str:
        """Return the stage of a call: its label or, of an approved plan, by its prompt.

        Raises:
            Refused: its label is none.
        """
        if LABEL_HEADER in headers or self._name_stage is None:
            return read_label(headers)
        return self._name_stage(split_prompt(call))

    def _find_model(self, provider: str, model: str) -> str:
        """Return the name of a model, which is priced by then.

        Raises:
            Refused: it cannot be priced.
        """
        try:
            return self._models.find(provider, model)
        except Unpriced as error:
            said = f"{error}\nor give afcost guard --price {provider}/{model}=IN/OUT"
            raise Refused(Why.BAD_CALL, "not_priced", said) from error
        except PricingError as error:
            raise Refused(Why.BAD_CALL, "not_priced", str(error)) from error

    def _find_limit(self, call: ClientCall, model: str) -> int:
        """Return the most output tokens of each of a call's answers.

        Raises:
            Refused: it is not known.
        """
        largest = self._models[model].capability.max_output
        limit = call.limit or self._default_limit or largest
        if limit is None:
            raise Refused(
                Why.BAD_CALL,
                "not_priced",
                f"the call says no max_tokens, and the largest answer of {model} is not known; "
                "let the program say max_tokens, or give afcost guard --default-max-tokens N",
            )
        return limit


def read_label(headers: Mapping[str, str]) -> str:
    """Return the label that a program gives a call, by which its calls are told apart.

    Raises:
        Refused: it is none.
    """
    label = headers.get(LABEL_HEADER, UNNAMED_STAGE)
    if not LABEL.fullmatch(label):
        said = f"{LABEL_HEADER}: expected letters, digits, dots, dashes and underscores, up to 60"
        raise Refused(Why.BAD_CALL, "bad_label", said)
    return label


def _pick_fields(call: ClientCall) -> dict[str, object]:
    """Return what of a call's body the transport and the settlement look at."""
    fields: dict[str, object] = {name: call.body[name] for name in _FIELDS if call.body.get(name)}
    marks = [call.options[name] for name in _CACHING if call.options.get(name)]
    return fields | ({"cache_control": marks} if marks else {})
