"""Count a call of a program.

Messages are counted by the model's tokenizer. Each provider has its own way to show a model the
tools, schemas and tool calls beside them, so those are bounded: twice their tokens as they are
sent, for lines and spaces that are added to their JSON, with what the API itself may add for them
(`ClientCall.hidden_tokens`).
"""

from __future__ import annotations

from estimator.counting import Exactness, TokenCount
from estimator.workload import PlannedModel
from providers.clients import ClientCall

_TIMES, _ROOM = 2, 256  # tokens, for what stands between such texts


def count_call(model: PlannedModel, call: ClientCall) -> TokenCount:
    """Return the tokens of a call's prompt, as a model counts it.

    Args:
        model: need not be the one that the call names.
        call: as it was read.
    """
    count = model.tokenizer.count(call.messages)
    if call.is_exact:
        return count
    texts = sum(map(model.tokenizer.count_text, call.beside))
    scale = model.tokenizer.bound_scale / model.tokenizer.scale
    beside = int(_TIMES * texts * scale) + _ROOM + call.hidden_tokens
    return TokenCount(count.tokens + texts, Exactness.APPROXIMATE, count.bound + beside)
