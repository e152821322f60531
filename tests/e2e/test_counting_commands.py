"""The commands around counting: what is told of families, what is checked, what is written."""

from __future__ import annotations

import csv
import io
import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import pytest
from rich.console import Console

from afcost.rendering import console as draw
from estimator.count_cache import CountCache
from estimator.counting import self_check as checks
from estimator.counting.model_families import load_families
from estimator.counting.vocabularies import tiktoken_encoder
from tests.runner import sample_experiment as small

# A child's peak memory in MiB, after a small estimate and after a large one in the same process.
# Not `ru_maxrss`, which a child inherits from the process that started it.
MEASURED = """
import re, sys
from afcost.cli import run_cli
for limit in ("10", "10000"):
    assert run_cli(["estimate", sys.argv[1], "--limit", limit, "--format", "csv"]) == 0
    (peak,) = re.findall(r"VmHWM:\\s+(\\d+) kB", open("/proc/self/status").read())
    print(int(peak) // 1024, file=sys.stderr)
"""


@pytest.mark.parametrize("width", [80, 120])
def test_every_family_is_in_the_table_and_the_table_fits(afcost, monkeypatch, width):
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, color_system=None, width=width)
    monkeypatch.setattr(draw, "stdout", lambda: console)
    afcost("tokenizers")
    lines = screen.getvalue().splitlines()
    assert max(map(len, lines)) <= width
    table = lines[1 : 1 + len(shown())]
    for name, line in zip(shown(), table, strict=True):
        assert line.startswith(f"{name} ")
        assert line.removeprefix(name).split()[0] in {"exact", "approximate", "not"}
    for source in {family.vocabulary for family in load_families()}:
        assert any(line.startswith(f"{source} ") for line in lines), "where it comes from"


def shown() -> list[str]:
    """Return the families' names in their order, each once."""
    return list(dict.fromkeys(f.name for f in load_families() if "not fetched" not in f.name))


def test_families_as_json(afcost):
    document = json.loads(afcost("tokenizers", "--format", "json")[0])
    assert document["schema"] == "afcost.tokenizers/1"
    assert [row["family"] for row in document["families"]] == shown()
    for row in document["families"]:
        assert set(row) == {
            *("family", "counts", "vocabulary", "from", "licence"),
            *("checked", "error", "note", "models"),
        }
        assert row["counts"] in {"exact", "approximate", "not fetched"}
        assert row["licence"], "a vocabulary of unknown licence is not used"
        assert row["from"]
        assert bool(row["error"]) == (row["counts"] == "approximate"), "who errs says by how much"


def test_only_what_no_package_brings_can_be_fetched(afcost):
    for name in ("nosuch", "qwen"):
        out, said = afcost("tokenizers", "--fetch", name, ends=2)
        assert f"--fetch {name}: can only fetch llama-3, o200k, cl100k, llama-4" in said
        assert not out


def test_a_doctor_finds_nothing_wrong_here_and_says_what_it_looked_at(afcost):
    short, _ = afcost("doctor")
    assert short.splitlines()[-1].endswith("checks passed")
    right, _, of_all = short.splitlines()[-1].split()[:3]
    assert right == of_all
    assert "WRONG" not in short
    long, _ = afcost("doctor", "--verbose")
    looked_at = [line for line in long.splitlines() if line.startswith("ok ")]
    assert len(looked_at) == int(right)
    for what in ("package splintr-rs", "vocabulary o200k", "family llama-3.1", "token count cache"):
        assert any(f" {what}: " in line for line in looked_at)


def test_a_doctor_finds_another_version_and_a_count_that_moved(afcost, monkeypatch):
    monkeypatch.setattr(checks, "_PINNED_VERSIONS", {"splintr-rs": "0.0.1"})
    monkeypatch.setattr(checks, "PROBE_TEXT", checks.PROBE_TEXT + "one more")
    found, _ = afcost("doctor", ends=1)
    assert "FAIL  package splintr-rs: 0.22.0, built for 0.0.1" in found
    assert "FAIL  vocabulary o200k: counts the test text as" in found


def test_a_doctor_names_what_tiktoken_counts_otherwise_or_that_it_is_not_there(afcost, monkeypatch):
    monkeypatch.setattr(checks, "list_ranked_vocabularies", lambda: ["cl100k"])
    said, _ = afcost("doctor", "--verbose")
    assert "ok    tiktoken: agrees on " in said
    monkeypatch.setattr(tiktoken_encoder, "read_pattern", lambda _: r"\S+|\s+")
    said, _ = afcost("doctor", ends=1)
    assert "FAIL  tiktoken on cl100k: '" in said
    monkeypatch.setitem(sys.modules, "tiktoken", None)
    said, _ = afcost("doctor")
    assert "note  tiktoken: not installed, so there is no second opinion" in said


def test_without_the_fast_encoder_an_estimate_is_the_same(afcost, monkeypatch):
    plain, _ = afcost("estimate", "--limit", "3", "--format", "json")
    for name in ("fastokens", "fastokens._native", "tiktoken"):
        monkeypatch.setitem(sys.modules, name, None)
    again, said = afcost("estimate", "--limit", "3", "--format", "json", "--no-cache")
    assert json.loads(again) == json.loads(plain)
    assert "tok" not in said.replace("tokens", "")


def test_a_foreign_cache_is_wrong_once_and_then_made_anew(lab):
    path = lab.folder / ".home" / "cache" / "counts.sqlite"
    path.parent.mkdir(parents=True)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE photo (name TEXT)")
    said = lab.afcost("doctor", ends=1).stdout
    assert f"FAIL  token count cache: {path}: not a cache of this version of afcost" in said
    assert "moved to counts.sqlite.damaged and recreated" in said
    with closing(sqlite3.connect(path.with_name("counts.sqlite.damaged"))) as connection:
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("photo",)]
    cache = CountCache(path)
    assert (cache.problem, cache.count_entries()) == ("", (0, 0))
    cache._connection.close()


def test_asking_a_provider_that_cannot_be_asked_ends_with_the_models(afcost, tmp_path):
    path = str(small.write(tmp_path))
    out, said = afcost("estimate", path, "--count", "provider", ends=1)
    assert "--count provider: " in said
    assert f"{small.MODEL} is counted locally: its provider has no known count endpoint" in said
    assert not out


def test_every_request_is_written_with_its_count_and_its_cost(afcost, tmp_path):
    path = str(small.write(tmp_path, queries=625))
    out, _ = afcost("estimate", path, "--requests", "big.csv", "--format", "json")
    total = json.loads(out)["total"]
    with Path("big.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert ",".join(rows[0]) == (
        "id,stage,provider,model,condition,query,sample,vote,input_tokens,exactness,max_tokens,"
        "cost_mean_usd,cost_ceiling_usd"
    )
    assert len(rows) == len({row["id"] for row in rows}) == total["requests"] == 5000
    assert {row["exactness"] for row in rows} == {"exact"}
    ceilings = sum(Decimal(row["cost_ceiling_usd"]) for row in rows)
    assert ceilings == Decimal(total["cost_usd"]["ceiling"])
    likely = sum(Decimal(row["cost_mean_usd"]) for row in rows)
    assert float(likely) == pytest.approx(float(total["cost_usd"]["mean"]), rel=1e-4)
    counted = sum(int(row["input_tokens"]) for row in rows if row["stage"] == "subject")
    strata = json.loads(out)["strata"]
    assert counted == sum(s["input_tokens"] for s in strata if s["stage"] == "subject")


@pytest.mark.skipif(sys.platform != "linux", reason="memory is measured in other units")
def test_eighty_thousand_requests_need_hardly_more_memory_than_eighty(lab):
    path = small.write(lab.folder, queries=10_000)
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, path.name],
        cwd=lab.folder,
        env=lab.environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert 'total,,"80,000"' in done.stdout
    few, many = map(int, done.stderr.split())
    assert many < 400
    assert many - few < 16, "their 10,000 queries; the requests would be 40 MiB at 500 bytes each"
