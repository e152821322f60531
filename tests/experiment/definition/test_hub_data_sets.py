"""Queries from a data set on the hub: at one commit, from the cache, or downloaded where allowed.

The hub is a server on this machine that speaks its endpoints; the client is the hub's own library.
"""

from __future__ import annotations

import hashlib
import io
import json
import threading
from contextlib import suppress
from datetime import UTC, date, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote

import pytest

from estimator.plan import (
    EstimateOptions,
    estimate_experiment,
    planned_trust,
    read_plan,
    save_plan,
    verify_plan,
)
from experiment.definition import QueryFile, load_experiment, read_query_table
from experiment.definition.queries.data_files import choose_data_files, is_complete
from experiment.errors import BadExperiment, BadQueries
from experiment.file_access import Trust

COMMIT = "0123456789abcdef0123456789abcdef01234567"
CSV = "goal,source\nsteal,ours\nlie,theirs\n"
CARD = """---
configs:
- config_name: main
  data_files:
  - {split: train, path: "data/train-*"}
  - {split: test, path: ["held/out.jsonl"]}
- config_name: other
  data_files: more.csv
---
# A data set
"""
ALLOWED = Trust(downloads=True)
EXPERIMENT = f"""\
name: hub
models: [gpt-4o]
queries: {{dataset: org/bad, revision: "{COMMIT}", column: goal, where: {{source: ours}}}}
messages: [{{role: user, content: "{{{{ query }}}} {{{{ row.source }}}}"}}]
sampling: {{max_tokens: 10}}
"""


class Hub(ThreadingHTTPServer):
    """Serves the files of one data set at one commit, and remembers what it was asked for."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files, self.asked, self.tokens = files, [], set()
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: Hub

    def log_message(self, *_):
        pass

    def do_HEAD(self):
        self.do_GET()

    def do_POST(self):
        wanted = self.rfile.read(int(self.headers["Content-Length"])).decode()
        named = [name for name in self.server.files if name in unquote(wanted.replace("+", " "))]
        self._answer(json.dumps([self._info(name) for name in named]).encode())

    def do_GET(self):
        path = unquote(self.path.partition("?")[0])
        self.server.asked.append(path)
        start = f"/datasets/org/bad/resolve/{COMMIT}/"
        if path.startswith(start) and (name := path.removeprefix(start)) in self.server.files:
            content = self.server.files[name]
            tag = hashlib.sha1(content, usedforsecurity=False).hexdigest()
            self._answer(content, {"X-Repo-Commit": COMMIT, "ETag": f'"{tag}"'})
        elif path.startswith(f"/api/datasets/org/bad/tree/{COMMIT}"):
            self._answer(json.dumps([self._info(name) for name in self.server.files]).encode())
        elif path == f"/api/datasets/org/bad/revision/{COMMIT}":
            siblings = [{"rfilename": name} for name in self.server.files]
            info = {"id": "org/bad", "sha": COMMIT, "siblings": siblings}
            self._answer(json.dumps(info).encode())
        else:
            self.send_response(404)
            self.send_header("X-Error-Code", "EntryNotFound")
            self.send_header("Content-Length", "0")
            self.end_headers()

    def _info(self, name: str) -> dict[str, object]:
        content = self.server.files[name]
        oid = hashlib.sha1(content, usedforsecurity=False).hexdigest()
        return {"type": "file", "path": name, "size": len(content), "oid": oid}

    def _answer(self, content: bytes, headers: dict[str, str] | None = None):
        self.send_response(200)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            with suppress(BrokenPipeError):
                self.wfile.write(content)


@pytest.fixture
def hub(tmp_path, monkeypatch):
    server = Hub({"test.csv": CSV.encode()})
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    monkeypatch.setenv("HF_ENDPOINT", server.address)
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("HF_HUB_DISABLE_XET", "1")
    yield server
    server.shutdown()
    server.server_close()


def fields(**given) -> QueryFile:
    return QueryFile(**{"dataset": "org/bad", "revision": COMMIT} | given)


def read(trust=ALLOWED, **given):
    return read_query_table(Path(), fields(**given), trust)


def put_into_cache(folder: Path, files: dict[str, str]) -> None:
    store = folder / "hub" / "datasets--org--bad"
    (store / "blobs").mkdir(parents=True)
    for name, text in files.items():
        blob = store / "blobs" / hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
        blob.write_text(text)
        link = store / "snapshots" / COMMIT / name
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(blob)


def test_a_data_set_is_downloaded_where_that_is_allowed_and_then_is_here(hub):
    table = read(column="goal")
    assert table.texts == ("steal", "lie")
    assert table.columns == ({"source": "ours"}, {"source": "theirs"})
    name = f"hf:datasets/org/bad@{COMMIT}/test.csv"
    assert table.files == {name: hashlib.sha256(CSV.encode()).hexdigest()}
    hub.asked.clear()
    assert read(Trust(), column="goal") == table
    assert hub.asked == []


def test_nothing_is_asked_for_without_the_user_s_word(hub):
    with pytest.raises(BadQueries, match=r"is not on this machine.*--allow-download"):
        read(Trust(), column="goal")
    assert hub.asked == []


def test_a_cached_data_set_needs_no_word_and_no_hub(hub, tmp_path):
    put_into_cache(tmp_path, {"README.md": CARD, "held/out.jsonl": '{"goal": "hide"}\n'})
    assert read(Trust(), split="test", config="main").texts == ("hide",)
    assert hub.asked == []


def test_parts_that_are_missing_from_the_cache_are_not_passed_over(hub, tmp_path):
    put_into_cache(tmp_path, {"test-00000-of-00002.csv": CSV})
    with pytest.raises(BadQueries, match="is not on this machine"):
        read(Trust(), column="goal")
    hub.files = {"test-00000-of-00002.csv": CSV.encode(), "test-00001-of-00002.csv": b"goal\nb\n"}
    assert read(column="goal").texts == ("steal", "lie", "b")


@pytest.mark.usefixtures("hub")
def test_a_link_that_leads_out_of_the_cache_is_not_read(tmp_path):
    put_into_cache(tmp_path, {"train.csv": CSV})
    (tmp_path / "secret.csv").write_text("goal\nsecret\n")
    snapshot = tmp_path / "hub" / "datasets--org--bad" / "snapshots" / COMMIT
    (snapshot / "test.csv").symlink_to(tmp_path / "secret.csv")
    with pytest.raises(BadQueries, match="is not on this machine"):
        read(Trust(), split="test")


def test_parquet_and_json_files_are_read_with_plain_values(hub):
    arrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    columns = {
        "goal": ["steal", "lie"],
        "n": [1, None],
        "at": [datetime(2026, 1, 2, tzinfo=UTC), None],
        "tags": [["a"], []],
        "raw": [b"x", b"y"],
    }
    written = io.BytesIO()
    parquet.write_table(arrow.table(columns), written)
    hub.files = {
        "data/test-00000-of-00001.parquet": written.getvalue(),
        "rows.json": b'[{"goal": "hide", "n": 2}]',
        "loader.py": b"raise SystemExit",
    }
    table = read(file="data/test-00000-of-00001.parquet", column="goal")
    assert table.texts == ("steal", "lie")
    assert table.columns[0] == {"n": 1, "at": "2026-01-02 00:00:00+00:00", "tags": ["a"]}
    assert table.columns[1] == {"tags": []}
    assert read(file="rows.json", column="goal").columns == ({"n": 2},)
    assert not any("loader" in path for path in hub.asked)
    hub.files["broken.parquet"] = b"PAR1 no parquet"
    with pytest.raises(BadQueries, match=r"broken\.parquet is not a parquet file"):
        read(file="broken.parquet", column="goal")


@pytest.mark.usefixtures("hub")
def test_a_data_set_that_there_is_not_is_an_error_with_its_name_and_commit():
    with pytest.raises(BadQueries, match=rf"data set org/gone at {COMMIT} cannot be downloaded"):
        read(dataset="org/gone")
    with pytest.raises(BadQueries, match=r"it has no file 'more\.csv'"):
        read(file="more.csv")


@pytest.mark.parametrize(
    ("queries", "said"),
    [
        ("{dataset: org/bad}", "needs a `revision`; expected a commit, 40 hexadecimal digits"),
        ("{dataset: org/bad, revision: main}", "expected a commit, 40 hexadecimal digits"),
        (f"{{dataset: ../bad, revision: '{COMMIT}'}}", "expected the name of a data set"),
        ("{file: a.csv, split: test}", "split belong to a `dataset`"),
        ("{column: goal}", "name a `file` of queries, or a `dataset` on the hub"),
        (f"{{dataset: o/b, revision: '{COMMIT}', file: a.csv, split: test}}", "not both"),
    ],
)
def test_a_data_set_that_is_not_pinned_is_refused_with_the_mend(tmp_path, queries, said):
    text = EXPERIMENT.splitlines()
    text[2] = f"queries: {queries}"
    (tmp_path / "experiment.yaml").write_text("\n".join(text))
    with pytest.raises(BadExperiment, match=said):
        load_experiment(str(tmp_path / "experiment.yaml"))


@pytest.mark.parametrize(
    ("files", "chosen", "given"),
    [
        (["data.csv"], ["data.csv"], {}),
        (["train.csv", "test.csv"], ["test.csv"], {"split": "test"}),
        (["data/dev-1.csv", "data/train.csv"], ["data/dev-1.csv"], {"split": "validation"}),
        (["en/test.csv", "de/test.csv"], ["de/test.csv"], {"split": "test", "config": "de"}),
        (["a.csv", "loader.py", "x.png"], ["a.csv"], {"split": "train"}),
        (["data/test-1.csv", "data/test-0.csv"], ["data/test-0.csv", "data/test-1.csv"], {}),
    ],
)
def test_a_split_s_files_are_found_by_their_names(files, chosen, given):
    asked = {"config": None, "split": None} | given
    assert choose_data_files(files, "", **asked) == tuple(chosen)


FILES = ["data/train-0.csv", "data/train-1.csv", "held/out.jsonl", "more.csv", "README.md"]


@pytest.mark.parametrize(
    ("config", "split", "chosen"),
    [
        ("main", "train", ("data/train-0.csv", "data/train-1.csv")),
        ("main", "test", ("held/out.jsonl",)),
        ("other", None, ("more.csv",)),
    ],
)
def test_a_card_says_which_files_a_split_has(config, split, chosen):
    assert choose_data_files(FILES, CARD, config=config, split=split) == chosen


@pytest.mark.parametrize(
    ("card", "config", "split", "said"),
    [
        (CARD, None, "test", "several configs; choose one with `config:`: main, other"),
        (CARD, "mian", "test", "no config 'mian'; configs: main, other"),
        (CARD, "main", None, "several splits; choose one with `split:`: train, test"),
        (CARD, "main", "dev", "no split 'dev'; splits: train, test"),
        ("", "de", None, "no config 'de'; files: data/train-0.csv"),
        ("---\nconfigs: [*a\n---\n", None, "dev", "no split 'dev'"),
    ],
)
def test_a_split_that_there_is_not_is_an_error_that_lists_those_there_are(
    card, config, split, said
):
    with pytest.raises(BadQueries) as error:
        choose_data_files(FILES, card, config=config, split=split)
    assert said in str(error.value)


def test_parts_are_complete_or_not():
    assert is_complete(["a.csv", "t-00000-of-00002.csv", "t-00001-of-00002.csv"])
    assert not is_complete(["t-00000-of-00002.csv", "u-00001-of-00002.csv"])


@pytest.mark.usefixtures("hub")
def test_a_plan_pins_the_data_set_and_may_be_run_where_it_is_not_yet(tmp_path, monkeypatch):
    (tmp_path / "experiment.yaml").write_text(EXPERIMENT)
    options = EstimateOptions(allow_download=True)
    today = datetime.now(UTC)
    path = str(tmp_path / "experiment.yaml")
    plan = estimate_experiment(path, date.today(), options=options).plan  # noqa: DTZ011
    name = f"hf:datasets/org/bad@{COMMIT}/test.csv"
    assert plan.files[name] == hashlib.sha256(CSV.encode()).hexdigest()
    assert any(f"1 of the data set org/bad at {COMMIT}" in each for each in plan.assumptions)
    save_plan(plan, tmp_path / "plan.json")
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "another machine"))
    again = read_plan(tmp_path / "plan.json")
    assert again.digest == plan.digest
    assert verify_plan(again, today).experiment.queries == ("steal",)
    assert planned_trust(again).downloads is False
