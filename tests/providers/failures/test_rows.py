"""Each row of failures.yaml decides the errors that it is about, and says what they mean."""

from pathlib import Path

import pytest

from pricing.data_files import read_data_file
from providers.failures.body import read_error_body
from providers.failures.failure import Billed, FailureMeaning, FailureScope
from providers.failures.reading import _add_headers, find_row
from providers.failures.rows import _parse_row, load_rows, parse_statuses
from providers.failures.vendors import find_vendor, load_vendors
from tests.providers.failures.samples import find_provider, read, write_body

EXAMPLES = read_data_file(Path(__file__).with_name("examples.yaml"))
ROWS = {row.id: row for rows in load_rows().values() for row in rows}


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda each: each["row"])
def test_an_error_is_decided_by_its_row_and_means_what_that_says(example):
    provider, headers = find_provider(example["at"]), example["headers"]
    said = read_error_body(write_body(example["body"]), is_error=example["status"] != 200)
    row, _ = find_row(
        find_vendor(provider), example["status"], headers, _add_headers(said, headers)
    )
    assert row.id == example["row"]
    failure = read(example["at"], example["status"], example["body"], headers)
    assert failure.meaning == row.means == example["means"]
    assert failure.scope == example["scope"]
    assert failure.billed == example["billed"]
    assert failure.retries is example["again"]
    assert failure.source == example["source"]


def test_every_row_has_an_example():
    assert {each["row"] for each in EXAMPLES} == set(ROWS)
    assert len(ROWS) == sum(map(len, load_rows().values())), "two rows have one id"


def test_what_is_free_was_refused_or_is_documented():
    """An outage must not be booked as free because somebody thinks so."""
    for example in EXAMPLES:
        status = example["status"]
        refused = 400 <= status < 500 and status not in {408, 499}
        own = {"llama.cpp.loading", "llama.cpp.context_size", "vllm.queue", "ollama.pending"}
        stated = status == 200 or example["row"] in {*own, "mistral.queue", "openai.slow_down"}
        if example["billed"] == "no" and not refused and not stated:
            assert example["source"] or 300 <= status < 400, example["row"]


def test_every_row_says_where_it_was_read():
    for row in ROWS.values():
        assert row.source
        assert row.sure in {"high", "medium", "low"}


def test_the_rows_of_every_vendor_belong_to_a_provider():
    vendors = load_vendors()
    assert set(load_rows()) - {"*"} <= set(vendors)
    for name, fields in vendors.items():
        assert set(fields.get("like", ())) <= set(vendors), name


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"meaning": "x"}, "unknown fields meaning"),
        ({"on": "4x9"}, "'4x9' is no status"),
        ({"means": "broken"}, "'broken' is not a valid FailureMeaning"),
        ({"when": {"codes": ["x"]}}, "unknown conditions codes"),
        ({"when": {"code": "x"}}, "code is no list"),
        ({"when": {"message": "("}}, "unterminated"),
        ({"billed": True}, "True is not a valid Billed"),
        ({"wait": "soon"}, "soon is no wait"),
    ],
)
def test_a_row_that_says_what_none_may_say_is_refused_by_name(row, said):
    whole = {"id": "a.b", "on": 429, "means": "server", "source": "x", "sure": "high"} | row
    with pytest.raises(ValueError, match=r"a\.b") as refused:
        _parse_row(whole)
    assert said in str(refused.value)


def test_statuses_are_written_as_one_reads_them():
    assert parse_statuses("400|403") == {400, 403}
    assert parse_statuses("400-402") == {400, 401, 402}
    assert parse_statuses("5xx") == set(range(500, 600))
    assert len(parse_statuses("any")) == 500


def test_every_meaning_and_scope_has_a_row():
    assert {row.means for row in ROWS.values()} == set(FailureMeaning) - {FailureMeaning.UNSENT}
    assert {row.scope for row in ROWS.values()} == set(FailureScope)
    assert {each["billed"] for each in EXAMPLES} == set(Billed)
