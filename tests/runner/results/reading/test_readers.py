"""Exports as other programs read them: Inspect, its viewer, and pandas with pyarrow."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
import urllib.request
from dataclasses import replace
from urllib.parse import quote

import pandas as pd
import pytest

from runner.results import build_report
from runner.results.reading import AnswerFilter, export_run, open_transcripts
from tests.runner.recorded_run import MODELS

pytestmark = [
    pytest.mark.readers,
    pytest.mark.filterwarnings("default"),  # other people's packages warn of their own future
]
FIRST, SECOND = MODELS
STARTS_WITHIN = 120  # seconds


@pytest.fixture(params=["run.eval", "2026-11-27T04-00-00_run.json"])
def log_path(request, recorded, tmp_path):
    path = tmp_path / "logs" / request.param
    export_run(recorded, path)
    return path


def read_log(path):
    from inspect_ai.log import read_eval_log  # noqa: PLC0415 - an extra

    return read_eval_log(str(path))


def test_parquet_is_the_same_table_as_csv_and_jsonl(recorded, tmp_path):
    for ending in ("parquet", "csv", "jsonl"):
        export_run(recorded, tmp_path / f"all.{ending}", raw=True)
    table = pd.read_parquet(tmp_path / "all.parquet")
    lines = [json.loads(line) for line in (tmp_path / "all.jsonl").read_text().splitlines()]
    cells = pd.read_csv(tmp_path / "all.csv", dtype=str, keep_default_na=False)
    assert list(table.columns) == list(cells.columns) == list(lines[0])
    back = [
        {name: None if pd.isna(value) else value for name, value in row.items()}
        for row in table.to_dict("records")
    ]
    assert back == lines
    assert len(cells) == len(table) == 18
    assert table["query"].dtype == "int64"
    assert table["value_compliance"].dtype == "float64"
    assert table["text"].tolist() == cells["text"].tolist()


def test_the_logs_figures_are_the_reports(recorded, log_path):
    log = read_log(log_path)
    report = build_report(recorded)
    scored = {}
    for sample in log.samples:
        cell = (sample.metadata["model"], sample.metadata["style"], sample.metadata["tier"])
        for name, score in (sample.scores or {}).items():
            scored.setdefault((name, *cell), []).append(score.value)
    for comparison in report.analysis.comparisons:
        for rate in comparison.rates:
            cell = comparison.model, comparison.within, rate.level
            values = scored.get(("compliance", *cell), [])
            assert len(values) == rate.answers
            assert (sum(values) / len(values) if values else None) == rate.compliance
            tags = scored.get(("proxy", *cell), [])
            assert (sum(tags) / len(tags) if tags else None) == rate.proxy
    spent = sum(usage.total_cost for usage in log.stats.model_usage.values())
    assert spent == pytest.approx(report.balance.settled.as_float, abs=1e-9)
    tokens = sum(usage.input_tokens for usage in log.stats.model_usage.values())
    assert tokens == sum(actual.input_tokens for _, actual in report.strata)


def test_a_log_says_whose_it_is_and_what_is_missing(recorded, log_path):
    log = read_log(log_path)
    assert (log.status, log.eval.tags) == ("cancelled", ["afcost"])
    assert log.eval.metadata["plan_digest"] == recorded.plan.digest
    samples = {(each.metadata["model"], each.metadata["query"]): each for each in log.samples}
    missing = {query: each for (_, query), each in sorted(samples.items()) if each.error}
    assert {query: each.error.message for query, each in missing.items()} == {
        2: "missing: the answer is filtered",
        3: "missing: the answer is failed",
    }
    assert [each.scores for each in missing.values()] == [None, None]
    first = samples[FIRST, 0]
    assert [each.reasoning for each in first.output.message.content[:-1]] == ["hidden", "train me"]
    assert first.output.message.text == "<request_fully_accepted/> =1+1"
    assert [each.role for each in first.messages] == ["system", "user", "assistant"]
    assert first.scores["compliance"].metadata["cost_usd"] == 0.002
    assert "compliance" not in samples[SECOND, 0].scores  # its votes cannot be read
    assert {each.name for each in log.results.scores} == {"compliance", "second", "proxy"}


def test_no_factor_takes_the_place_of_what_a_sample_says_of_itself(recorded):
    from runner.results.reading.inspect_log import _build_metadata  # noqa: PLC0415 - an extra

    with open_transcripts(recorded) as transcripts:
        (first, *_) = transcripts.read(transcripts.select(AnswerFilter()))
    levels = {"condition": "hot", "text": "long", "tier": "free"}
    columns = {"source": "ours"}
    said = _build_metadata(FIRST, replace(first, levels=levels, query_columns=columns))
    assert (said["condition"], said["factor_condition"]) == ("free/cot", "hot")
    assert (said["text"], said["factor_text"], said["tier"]) == (first.text, "long", "free")
    assert said["query_columns"] == columns


def test_inspects_dataframes_read_a_log(log_path):
    from inspect_ai.analysis import samples_df  # noqa: PLC0415 - an extra

    frame = samples_df(str(log_path))
    assert len(frame) == 6
    assert {"metadata_tier", "metadata_style"} <= set(frame.columns)
    assert frame["score_compliance"].notna().sum() == 3


def test_the_real_viewer_serves_a_log(log_path):
    port = free_port()
    viewer = subprocess.Popen(
        [
            *(sys.executable, "-m", "inspect_ai", "view", "start"),
            *("--log-dir", str(log_path.parent), "--host", "127.0.0.1", "--port", str(port)),
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        assert "Inspect View" in wait_for(f"http://127.0.0.1:{port}/")
        assert log_path.name in fetch(f"http://127.0.0.1:{port}/api/logs")
        name = quote(log_path.resolve().as_uri(), safe="")
        header = json.loads(fetch(f"http://127.0.0.1:{port}/api/logs/{name}?header-only=1"))
        assert header["eval"]["task"] == "small"
        headers = json.loads(fetch(f"http://127.0.0.1:{port}/api/log-headers?file={name}"))
        assert headers[0]["eval"]["tags"] == ["afcost"]
        whole = json.loads(fetch(f"http://127.0.0.1:{port}/api/logs/{name}"))
        assert len(whole["samples"]) == 6
    finally:
        viewer.terminate()
        viewer.wait()


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def fetch(address: str) -> str:
    with urllib.request.urlopen(address, timeout=60) as reply:  # noqa: S310 - of this machine
        return reply.read().decode()


def wait_for(address: str) -> str:
    until = time.monotonic() + STARTS_WITHIN
    while True:
        try:
            return fetch(address)
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.2)
