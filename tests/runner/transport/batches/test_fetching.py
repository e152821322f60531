"""Results are on disk whole, or there is an error; what was cut off is gone on with."""

import json

import pytest

from providers.batches import BatchState, RemoteBatch
from runner.transport.batches import FetchedResults
from runner.transport.outcome import NotBilled, Unknown
from tests.runner.transport.batches.scripted import KEY, Told, do, run_scripted_batches

FILE = b'{"custom_id":"a"}\n{"custom_id":"b"}\n'
ERRORS = b'{"custom_id":"c"}'


@pytest.fixture(autouse=True)
def _a_key(monkeypatch):
    monkeypatch.setenv("MY_BATCH_KEY", KEY)


def ended(*results, succeeded=2):
    return RemoteBatch("b1", BatchState.ENDED, "completed", succeeded=succeeded, results=results)


def fetch(url, to, batch, name="openai", **options):
    return do(
        f"{url}/v1", name, lambda c, m: c.fetch_results(m, batch, to, 3, **options), timeout=2.0
    )


def left_over(tmp_path):
    return sorted(path.name for path in tmp_path.iterdir())


def test_outputs_and_errors_come_into_one_file(tmp_path):
    to = tmp_path / "results"
    answer = {"/v1/files/out/content": Told(FILE), "/v1/files/err/content": Told(ERRORS)}
    with run_scripted_batches(lambda a: answer[a.path]) as server:
        fetched = fetch(server.url, to, ended("out", "err"))
    assert fetched == FetchedResults(to, len(FILE + ERRORS) + 1, 3)
    assert to.read_bytes() == FILE + ERRORS + b"\n"
    assert left_over(tmp_path) == ["results"]


def test_a_batch_without_results_has_an_empty_file(tmp_path):
    with run_scripted_batches(lambda _: None) as server:
        fetched = fetch(server.url, tmp_path / "results", ended(succeeded=None))
    assert (fetched.lines, fetched.is_whole, server.asked) == (0, True, [])


def test_what_was_cut_off_is_gone_on_with(tmp_path):
    to, half = tmp_path / "results", len(FILE) // 2

    def answer(asked):
        if asked.headers.get("Range") == f"bytes={half}-":
            said = {"Content-Range": f"bytes {half}-{len(FILE) - 1}/{len(FILE)}"}
            return Told(FILE[half:], 206, said)
        return Told(FILE, cut=True)

    with run_scripted_batches(answer) as server:
        first = fetch(server.url, to, ended("out"))
        assert isinstance(first, Unknown)
        assert not to.exists()
        fetched = fetch(server.url, to, ended("out"))
    assert fetched.lines == 2
    assert to.read_bytes() == FILE
    assert len(server.asked) == 2


@pytest.mark.parametrize("status", [200, 206, 416])
def test_a_provider_that_does_not_go_on_sends_all_of_it_again(tmp_path, status):
    """With status 206 it sends another part than was asked for, with 416 none."""
    to = tmp_path / "results"

    def answer(asked):
        if len(server.asked) == 1:
            return Told(FILE, cut=True)
        if "Range" in asked.headers and status != 200:
            return Told(FILE, status, {"Content-Range": f"bytes 0-{len(FILE) - 1}/{len(FILE)}"})
        return Told(FILE)

    with run_scripted_batches(answer) as server:
        for _ in range(3):
            fetched = fetch(server.url, to, ended("out"))
            if isinstance(fetched, FetchedResults):
                break
    assert to.read_bytes() == FILE


def test_what_ends_in_the_middle_of_a_line_is_taken_only_where_that_is_asked(tmp_path):
    to = tmp_path / "results"
    with run_scripted_batches(lambda _: Told(FILE[:-5])) as server:
        cut = fetch(server.url, to, ended("out"))
        assert isinstance(cut, Unknown)
        assert "end in the middle of a line" in cut.reason
        assert left_over(tmp_path) == []
        taken = fetch(server.url, to, ended("out"), takes_cut=True)
    assert taken.lines == 2
    assert to.read_bytes() == FILE[:-5] + b"\n"


def test_what_is_always_cut_off_is_taken_as_far_as_it_came(tmp_path):
    with run_scripted_batches(lambda _: Told(FILE, cut=True)) as server:
        taken = fetch(server.url, tmp_path / "results", ended("out"), takes_cut=True)
    assert (taken.lines, taken.is_whole) == (1, False)


def test_fewer_results_than_succeeded_are_an_error_unless_they_are_taken(tmp_path):
    to = tmp_path / "results"
    with run_scripted_batches(lambda _: Told(FILE)) as server:
        fewer = fetch(server.url, to, ended("out", succeeded=3))
        assert isinstance(fewer, Unknown)
        assert "2 results came of 3" in fewer.reason
        taken = fetch(server.url, to, ended("out", succeeded=3), takes_cut=True)
    assert (taken.lines, taken.is_whole) == (2, False)


@pytest.mark.parametrize("told", [None, Told({}, 500), Told({}, 404), Told({}, 429)], ids=str)
def test_results_that_are_refused_leave_nothing_behind(tmp_path, told):
    with run_scripted_batches(lambda _: told) as server:
        failed = fetch(server.url, tmp_path / "results", ended("out"))
    assert isinstance(failed, NotBilled | Unknown)
    assert left_over(tmp_path) == []


def test_results_elsewhere_are_fetched_without_the_key(tmp_path):
    with run_scripted_batches(lambda _: Told(FILE)) as elsewhere:
        sent_on = Told(b"", 302, {"Location": f"{elsewhere.url}/signed?sig=1"})
        with run_scripted_batches(lambda _: sent_on) as server:
            fetched = fetch(server.url, tmp_path / "results", ended("out"))
    assert fetched.lines == 2
    assert KEY in server.asked[0].headers["Authorization"]
    assert KEY not in str(elsewhere.asked[0].headers)


@pytest.mark.parametrize("before", [0, 2**20 - 7, 2**20, 2**20 + 7])
def test_a_key_that_the_server_repeats_is_in_no_file(tmp_path, before):
    text = b'{"a":"%s%s"}\n' % (b"x" * before, KEY.encode())
    with run_scripted_batches(lambda _: Told(text)) as server:
        fetched = fetch(server.url, tmp_path / "results", ended("out", succeeded=1))
    written = fetched.path.read_bytes()
    assert KEY.encode() not in written
    assert len(written) == len(text)


def test_results_inside_of_a_batch_are_written_one_a_line(tmp_path):
    results = [{"custom_id": f"{n}", "text": "two\nlines"} for n in range(3)]
    told = {"id": "b1", "status": "completed", "results": results}
    with run_scripted_batches(lambda _: Told(json.dumps(told, indent=1).encode())) as server:
        fetched = fetch(server.url, tmp_path / "results", ended("b1"), "openrouter")
        batch = do(f"{server.url}/v1", "openrouter", lambda c, m: c.poll(m, "b1"))
    assert fetched.lines == 3
    lines = fetched.path.read_bytes().splitlines()
    assert [json.loads(line) for line in lines] == results
    assert (batch.state, batch.results) == (BatchState.ENDED, ("b1",))


def test_results_inside_of_an_answer_that_is_cut_off_cannot_be_told_apart(tmp_path):
    with run_scripted_batches(lambda _: Told(b'{"id": "b1", "results": [{"custom_id"')) as server:
        cut = fetch(server.url, tmp_path / "results", ended("b1"), "openrouter")
        taken = fetch(server.url, tmp_path / "results", ended("b1"), "openrouter", takes_cut=True)
    assert isinstance(cut, Unknown)
    assert (taken.lines, taken.is_whole) == (0, False)
