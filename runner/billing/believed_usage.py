"""Believed usage: what a provider reports, raised to what is known here to have been billed.

Usage is believed only upwards. The prompt has at least the tokens that its own vocabulary counts,
never fewer because of what earlier bills said. The answer has at least the tokens of all that is
visible of it. A vocabulary that is not the model's own may be wrong by its error, and no more.

A model need not split its text as its tokenizer would, so an honest usage may be below the recount;
then some tokens too many are booked. A usage that is further below is no usage: what was billed,
hidden reasoning too, is unknown, and all that was allowed is booked.
"""

from __future__ import annotations

from dataclasses import replace

from estimator.counting import Exactness, TokenCount, Tokenizer, adds_to_prompt
from estimator.workload import PlannedModel
from experiment.prompts import Request
from pricing.catalog import find_caching_rule
from pricing.usage import Usage
from providers.reply import ModelResponse

# By which an honest usage may be below a recount: of a trained model hardly, of one with random
# weights 13 % were seen.
_RECOUNT_TOKENS, _RECOUNT_SHARE = 4, 0.25
_SEAM_TOKENS, _SEAM_SHARE = 2, 0.05  # that a prompt may have less than its texts by themselves
_OWN_COUNT_TOKENS, _OWN_COUNT_SHARE = 16, 0.02  # a bill, below its provider's own count
_SUMMARY_TOKENS, _SUMMARY_SHARE = 100, 2  # by which a summary may exceed short reasoning
_FOREIGN_ASCII_SHARE = 0.9  # below it, vocabularies differ much more than in English


def believe_usage(
    model: PlannedModel, count: TokenCount, request: Request, response: ModelResponse, text: str
) -> tuple[Usage, tuple[str, ...]]:
    """Return the usage to book, and notes on where it differs from the reported one.

    Args:
        model: with its tokenizer.
        count: the prompt, as it was counted to reserve for it.
        request: what was sent.
        response: what the provider answered.
        text: its text, without the prefill that some providers repeat.
    """
    vocabulary = model.vocabulary
    usage, cache_note = _believe_cache(model, count, request, response.usage)
    usage, is_false, prompt_note = _believe_prompt(model, vocabulary, count, request, usage)
    usage, output_note = _believe_output(
        vocabulary, request, response, text, usage, is_false=is_false
    )
    return usage, tuple(filter(None, (cache_note, prompt_note, output_note)))


def _believe_cache(
    model: PlannedModel, count: TokenCount, request: Request, usage: Usage
) -> tuple[Usage, str]:
    """Book as input what is said to come from a cache that this prompt cannot have used.

    Of a marked prompt that is what is beyond the mark.
    """
    if not usage.cache_read:
        return usage, ""
    mark = request.mark
    rule = find_caching_rule(model.name.provider, model.name.id)
    is_marked = mark is not None and mark.keep is not None
    asked = is_marked or "cache_control" in request.sampling
    too_short = min(usage.prompt_tokens, count.bound) < rule.min_tokens
    possible = usage.cache_read
    if too_short or (rule.kind == "asked" and not asked):
        possible = 0
    elif is_marked and mark is not None:
        possible = min(possible, mark.bound)
    if possible == usage.cache_read:
        return usage, ""
    only = f", of which it can have {possible}" if possible else ", which this prompt cannot have"
    note = f"usage reports {usage.cache_read} cached tokens{only}"
    beyond = usage.cache_read - possible
    return replace(usage, input=usage.input + beyond, cache_read=possible), note


def _believe_prompt(
    model: PlannedModel, vocabulary: Tokenizer, count: TokenCount, request: Request, usage: Usage
) -> tuple[Usage, bool, str]:
    """Raise the prompt tokens; also return whether they are too few to be an error."""
    reported = usage.prompt_tokens
    counted_alone = vocabulary is model.tokenizer and not adds_to_prompt(request.sampling)
    own = count if counted_alone else vocabulary.count(request.messages)
    is_exact = own.exactness is Exactness.EXACT
    stated = _own_count(count)
    if reported >= max(own.tokens, stated):
        return usage, False, ""
    texts = sum(_least_tokens(vocabulary, content) for _, content in request.messages)
    is_false = reported < texts * (1 - _SEAM_SHARE) - _SEAM_TOKENS
    counted = own.tokens if is_exact else max(count.bound, texts) * is_false
    least = max(counted, count.tokens if reported < stated else 0)
    if reported >= least:
        return usage, False, ""
    note = f"usage reports {reported} prompt tokens, counted {least}"
    return replace(usage, input=usage.input + least - reported), is_false, note


def _own_count(count: TokenCount) -> int:
    """Return the least that a bill may have where the provider itself counted the prompt."""
    if count.exactness is not Exactness.PROVIDER:
        return 0
    return int(count.tokens * (1 - _OWN_COUNT_SHARE)) - _OWN_COUNT_TOKENS


def _believe_output(  # noqa: PLR0913 - what it is compared with
    vocabulary: Tokenizer,
    request: Request,
    response: ModelResponse,
    text: str,
    usage: Usage,
    *,
    is_false: bool,
) -> tuple[Usage, str]:
    """Raise the output tokens."""
    reported, most = usage.output, request.max_output
    others = [other.removeprefix(request.prefill) for other in response.other_texts]
    answer = sum([_least_tokens(vocabulary, each) for each in (text, *others)])
    shown = answer + _count_thoughts(vocabulary, response, usage)
    visible = _limit_recount(max(shown, response.least_output), most)
    said = f"usage reports {reported} output tokens, counted {visible}"
    if reported == 0 or is_false or reported < visible - _recount_error(visible):
        output = max(reported, visible, most)
        note = f"{said}; booked as max_tokens" if output > reported else ""
    else:
        # Stated reasoning that the visible text leaves no room for is billed beside it.
        whole = _limit_recount(answer + usage.reasoning, most)
        output = max(reported, visible, whole)
        note = f"{said} and {usage.reasoning} of reasoning" if whole > visible else said
    return (replace(usage, output=output), note) if output > reported else (usage, "")


def _count_thoughts(vocabulary: Tokenizer, response: ModelResponse, usage: Usage) -> int:
    """Return the tokens of the reasoning that is shown, as far as they are a measure of the bill.

    A summary may be longer than short reasoning that it sums up, and is not what was billed where
    the usage states the reasoning. One that is far longer than that sums up something else.
    """
    shown = _least_tokens(vocabulary, response.reasoning)
    longest = _SUMMARY_TOKENS + _SUMMARY_SHARE * usage.reasoning
    return 0 if response.is_summary and usage.reasoning and shown <= longest else shown


def _limit_recount(counted: int, most: int) -> int:
    """Return a recount that is no breach of max_tokens where its own error explains the excess."""
    return min(counted, most) if counted <= most + _recount_error(most) else counted


def _least_tokens(tokenizer: Tokenizer, text: str) -> int:
    """Return how many tokens a text has at least."""
    if not text:
        return 0
    counted = tokenizer.count_text(text)
    if tokenizer.exactness is Exactness.EXACT:
        return counted
    error = tokenizer.bound_scale / tokenizer.scale
    if not text.isascii() and _count_ascii(text) < _FOREIGN_ASCII_SHARE * len(text):
        error *= 2
    return int(counted / error)


def _count_ascii(text: str) -> int:
    return len(text.encode("ascii", "ignore"))


def _recount_error(counted: int) -> int:
    return _RECOUNT_TOKENS + int(counted * _RECOUNT_SHARE)
