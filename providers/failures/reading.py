"""Reading a failure: its status, its headers and its body, by one table for all providers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from providers.error_body import holds_generation, put_on_one_line
from providers.failures.body import ErrorBody, normalize_name, read_error_body
from providers.failures.failure import Billed, Failure, FailureMeaning, FailureScope
from providers.failures.mend import describe_mend
from providers.failures.rows import Row, load_rows, parse_statuses
from providers.failures.vendors import Vendor, find_vendor, find_vendor_by_name, load_vendors
from providers.failures.waits import measure_until, read_clock, read_wait
from providers.provider import Provider
from providers.secrets import remember_secret

_OPENROUTER = "openrouter"
_MAX_INNER = 2  # errors that pass on an error that passes on another
# What a router's own account is refused is no matter of the user's.
_OF_THE_ROUTER = {
    FailureMeaning.OUT_OF_MONEY,
    FailureMeaning.SPEND_LIMIT,
    FailureMeaning.BAD_KEY,
    FailureMeaning.FORBIDDEN,
}


def read_failure(  # noqa: PLR0913 - what a response is
    provider: Provider,
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    api_key: str | None,
    unreadable: str = "",
) -> Failure:
    """Read what a response means that is no answer; also one of status 200 that holds an error.

    Args:
        provider: that sent it.
        status: of HTTP.
        headers: of the response.
        body: as it came; it need not be JSON.
        api_key: that was sent, to be kept out of the message.
        unreadable: why a response of status 200 is no answer, for where it says nothing itself.
    """
    remember_secret(api_key)
    is_error = not 200 <= status < 300  # noqa: PLR2004 - HTTP
    said = _add_headers(read_error_body(body, is_error=is_error), headers)
    failure = _read_said(find_vendor(provider), status, headers, said)
    failure = replace(failure, mend=describe_mend(failure, provider))
    message = _describe(provider, status, said, unreadable)
    if holds_generation(body):  # whatever the status: the model ran, and may be billed
        message = f"{message}, although the model ran: it may be billed"
        billed = Billed.YES if failure.billed is Billed.YES else Billed.MAYBE
        return replace(failure, message=message, billed=billed, source="")
    return replace(failure, message=message)


def find_row(
    vendor: Vendor, status: int, headers: Mapping[str, str], said: ErrorBody
) -> tuple[Row, str]:
    """Return the row that decides an error, and whose it is."""
    asked_wait = read_wait(headers, said, vendor.name) is not None
    effective = _find_status(status, said)
    for name, row in _list_rows(vendor):
        if row.decides(effective, said, asked_wait=asked_wait):
            return row, name
    return next(row for row in load_rows()["*"] if row.id == "any.unreadable"), "*"


def carries_error(data: object) -> bool:
    """Return whether an answer states in MiniMax's way that it is none."""
    base = data.get("base_resp") if isinstance(data, dict) else None
    return isinstance(base, dict) and base.get("status_code") not in (None, 0, "0")


def _read_said(
    vendor: Vendor, status: int, headers: Mapping[str, str], said: ErrorBody, depth: int = 0
) -> Failure:
    if said.inner and depth < _MAX_INNER and _passes_on(vendor, said):
        raw, name = said.inner
        inner = read_error_body(raw.encode("utf-8", "replace"))
        inner_status = _find_status(status, said) or status
        found = _read_said(find_vendor_by_name(name), inner_status, headers, inner, depth + 1)
        return _pass_on(vendor, status, headers, said, found)
    row, owner = find_row(vendor, status, headers, said)
    effective = _find_status(status, said)
    failure = Failure(
        message="",
        meaning=row.means,
        scope=row.scope,
        billed=row.decide_billed(effective),
        wait=_decide_wait(row, headers, said, vendor),
        retries=row.again,
    )
    failure = _free_documented(failure, row, owner, vendor, effective or status, said)
    return _apply_should_retry(failure, row, headers)


def _passes_on(vendor: Vendor, said: ErrorBody) -> bool:
    """Return whether a router passes on an error without saying itself what it is."""
    is_router = vendor.name == _OPENROUTER or bool(said.inner and said.inner[1])
    return is_router and not said.names.get("limit_source") and not said.names.get("availability")


def _pass_on(
    vendor: Vendor, status: int, headers: Mapping[str, str], said: ErrorBody, found: Failure
) -> Failure:
    """Return what another provider's error means to the user of a router."""
    if found.meaning in _OF_THE_ROUTER and not said.is_byok:
        found = replace(
            found,
            meaning=FailureMeaning.OVERLOADED,
            scope=FailureScope.MODEL,
            retries=True,
            wait=None,
        )
    wait = found.wait if found.wait is not None else read_wait(headers, said, vendor.name)
    free = _find_unbilled(vendor, _find_status(status, said) or status, said)
    if free and found.billed is not Billed.YES:
        found = replace(found, billed=Billed.NO, source=free)
    return replace(found, wait=wait)


def _list_rows(vendor: Vendor) -> Iterator[tuple[str, Row]]:
    for name in (*vendor.rows, "*"):
        for row in load_rows().get(name, ()):
            yield name, row


def _find_status(status: int, said: ErrorBody) -> int | None:
    """Return the status of an error; that of a 200 is what it states, None where it states none."""
    if not 200 <= status < 300 or not said.is_found:  # noqa: PLR2004 - HTTP
        return status
    return said.code


def _add_headers(said: ErrorBody, headers: Mapping[str, str]) -> ErrorBody:
    """Add the name of the error that Amazon puts into a header."""
    given = next((text for name, text in headers.items() if name.lower() == "x-amzn-errortype"), "")
    name = normalize_name(given.partition(":")[0].rpartition("#")[2])
    if not name:
        return said
    names = {key: said.names.get(key, frozenset()) | {name} for key in ("type", "name")}
    return replace(said, names={**said.names, **names}, is_found=True)


def _decide_wait(
    row: Row, headers: Mapping[str, str], said: ErrorBody, vendor: Vendor
) -> float | None:
    now = read_clock(headers)
    asked = read_wait(headers, said, vendor.name, now)
    if row.at_least:
        return max(asked or 0.0, measure_until(row.at_least, now))
    if asked is None and row.wait is not None:
        return measure_until(row.wait, now) if isinstance(row.wait, str) else float(row.wait)
    return asked


def _free_documented(  # noqa: PLR0913 - what decides it
    failure: Failure, row: Row, owner: str, vendor: Vendor, status: int, said: ErrorBody
) -> Failure:
    """Return a failure as not billed where a document of this provider, or of its edge, says so."""
    if failure.billed is Billed.YES:
        return failure
    if row.free and owner in {vendor.name, "*"}:
        return replace(failure, billed=Billed.NO, source=row.free)
    if free := _find_unbilled(vendor, status, said):
        return replace(failure, billed=Billed.NO, source=free)
    return failure


def _find_unbilled(vendor: Vendor, status: int, said: ErrorBody) -> str:
    rule = load_vendors().get(vendor.name, {}).get("unbilled")
    if not rule or status not in parse_statuses(rule["statuses"]):
        return ""
    if rule.get("json") and (not said.is_structured or said.is_byok):
        return ""
    return str(rule["source"])


def _apply_should_retry(failure: Failure, row: Row, headers: Mapping[str, str]) -> Failure:
    """Apply what a provider's server tells its clients, where its status alone decided."""
    asked = next((text for name, text in headers.items() if name.lower() == "x-should-retry"), "")
    asked = asked.strip().lower()
    if row.when or failure.meaning.is_money or asked not in {"true", "false"}:
        return failure
    if asked == "false" and failure.retries:
        return replace(
            failure, meaning=FailureMeaning.REFUSED, scope=FailureScope.REQUEST, retries=False
        )
    if asked == "true" and not failure.retries:
        return replace(
            failure, meaning=FailureMeaning.SERVER, scope=FailureScope.REQUEST, retries=True
        )
    return failure


def _describe(provider: Provider, status: int, said: ErrorBody, unreadable: str) -> str:
    if 200 <= status < 300 and said.is_found:  # noqa: PLR2004 - HTTP
        return f"HTTP {status} from {provider.name}, but it carries an error: {_shorten(said)}"
    if unreadable:
        return unreadable
    return f"HTTP {status} from {provider.name}: {_shorten(said)}"


def _shorten(said: ErrorBody) -> str:
    if said.inner:
        inner = read_error_body(said.inner[0].encode("utf-8", "replace"))
        from_whom = (
            f" ({said.inner[1]}: {inner.message})" if said.inner[1] else f" ({inner.message})"
        )
        return put_on_one_line(f"{said.message}{from_whom}")
    return put_on_one_line(said.message)
