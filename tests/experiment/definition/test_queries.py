"""Queries: each text is asked exactly as it stands in its file, or the file is refused."""

from __future__ import annotations

import csv
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiment.definition import QueryFile, read_query_table
from experiment.errors import BadQueries


@pytest.fixture
def queries(tmp_path):
    def read(content: str | bytes, suffix: str, **fields) -> tuple[str, ...]:
        raw = content if isinstance(content, bytes) else content.encode()
        (tmp_path / f"queries.{suffix}").write_bytes(raw)
        return read_query_table(tmp_path, QueryFile(file=f"queries.{suffix}", **fields)).texts

    return read


@pytest.mark.parametrize(
    ("suffix", "content"),
    [
        ("txt", "one\ntwo\nthree"),
        ("txt", "one\r\ntwo\r\n\r\nthree\r\n"),
        ("csv", "goal\none\ntwo\nthree\n"),
        ("csv", 'goal\r\n"one"\r\ntwo\r\n\r\nthree\r\n'),
        ("jsonl", '"one"\n{"goal": "two"}\n\n{"goal": "three"}'),
    ],
)
def test_every_format_gives_its_queries_in_order(suffix, content, queries):
    assert queries(content, suffix) == ("one", "two", "three")
    assert queries(content, suffix, limit=2) == ("one", "two")
    assert queries(content, suffix, limit=9) == ("one", "two", "three")


@pytest.mark.parametrize(
    ("suffix", "content"), [("txt", "one\n"), ("csv", "goal\none\n"), ("jsonl", '{"goal": "one"}')]
)
def test_a_byte_order_mark_is_no_part_of_a_query_or_a_column(suffix, content, queries):
    assert queries("\ufeff" + content, suffix, column="goal") == ("one",)


def test_quotes_commas_and_line_ends_inside_a_csv_field_survive(queries):
    content = 'n,goal\n1,"say ""no"", twice"\n2,"first\r\nsecond\n"\n3,  spaced  \n'
    assert queries(content, "csv", column="goal") == (
        'say "no", twice',
        "first\r\nsecond\n",
        "  spaced  ",
    )


def test_spaces_around_a_line_of_text_survive(queries):
    assert queries("  one \n \n\ttwo\n", "txt") == ("  one ", "\ttwo")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("queries")


TEXTS = st.lists(st.text(st.characters(codec="utf-8"), min_size=1), min_size=1, max_size=5)


@given(TEXTS)
def test_any_text_in_jsonl_is_asked_as_it_stands(folder, texts):
    lines = "".join(json.dumps({"goal": text}, ensure_ascii=False) + "\n" for text in texts)
    (folder / "any.jsonl").write_bytes(lines.encode())
    assert read_query_table(folder, QueryFile(file="any.jsonl")).texts == tuple(texts)


@given(TEXTS)
def test_any_text_in_csv_is_asked_as_it_stands(folder, texts):
    with (folder / "any.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, quoting=csv.QUOTE_ALL).writerows([["goal"], *([text] for text in texts)])
    assert read_query_table(folder, QueryFile(file="any.csv")).texts == tuple(texts)


@pytest.mark.parametrize(
    ("suffix", "content", "column", "said"),
    [
        ("csv", "a,b\n1,2\n", None, "has columns a, b; choose one"),
        ("csv", "a,b\n1,2\n", "goal", "has no column 'goal'; columns: a, b"),
        ("csv", "a,b\n1,\n", "b", "line 2: b is '', expected text"),
        ("csv", "a,b\n1\n", "b", "line 2: b is None, expected text"),
        ("csv", "goal\none\n", "gaol", "has no column 'gaol'; columns: goal"),
        ("jsonl", '{"a": "x", "b": "y"}', None, "has columns a, b; choose one"),
        ("jsonl", '{"a": "x"}\n{"b": "y"}', "a", "has no column 'a'; columns: b"),
        ("jsonl", '{"a": "x"}\n{"a": 3}', "a", "line 2: a is 3, expected text"),
        ("jsonl", '"one"\n[1]', None, "line 2: expected a string or an object"),
        ("jsonl", '"one"\n{', None, "line 2: not valid JSON"),
        ("csv", 'goal\n"one"x\n', None, "not valid CSV"),
        ("csv", 'goal\n"one\n', None, "not valid CSV"),
        ("csv", "", None, "has columns none"),
        ("csv", "goal\n", None, "contains no queries"),
        ("txt", "\n \n", None, "contains no queries"),
        ("jsonl", "\n", None, "contains no queries"),
        ("txt", b"caf\xe9\n", None, "is not UTF-8"),
        ("yaml", "one", None, "must be a .csv, .jsonl or .txt file"),
    ],
)
def test_queries_that_cannot_be_read_are_refused_by_name_and_place(
    suffix, content, column, said, queries
):
    with pytest.raises(BadQueries) as error:
        queries(content, suffix, column=column)
    assert f"queries.{suffix}" in str(error.value)
    assert said in str(error.value)


def test_a_missing_file_of_queries_is_refused_by_name(tmp_path):
    with pytest.raises(BadQueries, match=r"cannot read .*absent\.csv: No such file"):
        read_query_table(tmp_path, QueryFile(file="absent.csv"))


def test_a_csv_query_with_a_comma_outside_quotes_is_refused_and_not_cut_short(queries):
    with pytest.raises(BadQueries, match="line 3"):
        queries("goal\none\nHello, world\n", "csv")


def test_a_broken_quotation_is_refused_at_its_line(queries):
    with pytest.raises(BadQueries, match="line 3: not valid CSV"):
        queries('goal\none\n"two"x\n', "csv")


def test_an_empty_query_in_jsonl_is_refused_in_either_form(queries):
    for empty in ('{"goal": ""}', '""'):
        with pytest.raises(BadQueries, match="line 2"):
            queries(f'"one"\n{empty}\n', "jsonl")


@pytest.mark.parametrize(
    ("suffix", "content"),
    [
        ("jsonl", "[" * 200_000),
        ("jsonl", '{"a": ' * 200_000),
        ("jsonl", '{"goal": ' + "9" * 100_000 + "}"),
        ("jsonl", '{"goal": [' + "1," * 500_000 + "1]}"),
        ("jsonl", '"' + "x" * (9 << 20) + '"'),
        ("txt", "x" * (9 << 20)),
        ("csv", "goal\n" + '"' + "x" * (9 << 20)),
        ("csv", "goal\n" + '"\n",' * (3 << 20)),
        ("csv", "," * (9 << 20)),
        ("csv", ",".join(f"column{n}" for n in range(100_000)) + "\n"),
        ("csv", "goal\n" + "," * 1_000_000),
    ],
    ids=range(11),
)
def test_a_hostile_file_of_queries_is_refused_with_a_short_text(suffix, content, queries):
    with pytest.raises(BadQueries) as error:
        queries(content, suffix)
    assert len(str(error.value)) < 2000


def test_only_as_many_queries_are_read_as_the_limit_says(queries):
    content = '"one"\n"two"\n' + "[" * 200_000
    assert queries(content, "jsonl", limit=2) == ("one", "two")


@pytest.mark.parametrize(
    "content",
    [
        "goal;target\none;two\n",
        "goal\ttarget\none\ttwo\n",
        '"goal";"target"\n"one";"two"\n',
        "sep=;\ngoal;target\none;two\n",
        "sep=,\ngoal,target\none,two\n",
        "goal;target\none;two\n".encode("utf-16"),
        "goal\none\n".encode("utf-16-le"),
    ],
)
@pytest.mark.parametrize("column", [None, "goal"])
def test_a_csv_without_commas_between_its_columns_is_refused(content, column, queries):
    with pytest.raises(BadQueries, match=r"save it as UTF-8 with commas between columns"):
        queries(content, "csv", column=column)


def test_semicolons_in_a_text_or_in_a_name_are_no_separators(queries):
    assert queries("goal\none; two\tthree\n", "csv") == ("one; two\tthree",)
    assert queries('"goal;target"\none;two\n', "csv") == ("one;two",)
    assert queries("goal;target\none;two\n", "csv", column="goal;target") == ("one;two",)
    assert queries("goal; or none,id\none;two,1\n", "csv", column="goal; or none") == ("one;two",)
