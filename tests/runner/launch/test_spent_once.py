"""An approval is spent once, over restores, copies, races, clocks, and whatever version made it."""

import json
import os
import re
import shutil
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from afcost.cli import run_cli
from estimator.plan import estimate_experiment, read_plan, save_plan
from pricing.money import Money
from runner.approval import (
    Approval,
    BindableLedger,
    approval_file,
    approval_path,
    binding,
    check_bindable,
    read_approval_file,
    save_approval,
)
from runner.errors import LedgerError, NotApproved, RestoredLedger
from runner.launch import approve_plan, find_earlier_spending
from runner.launch.preflight import check_plan
from runner.ledger import FileLocation, accept_restored_ledger, open_ledger, read_ledger
from runner.ledger.hash_chain import GENESIS_HASH, entry_hash
from runner.ledger.schema import CREATE_TABLES
from runner.results import build_report
from runner.run_folder import open_run_folder
from runner.state import Watermark, find_known_ledger, list_known_ledgers
from tests.runner import sample_experiment
from tests.runner.sample_experiment import NOW, honest, run_plan

CAP = Money(60 * 400_000 * 12)  # of some jobs, not of all


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("AFCOST_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "home"


@pytest.fixture
def path(server, home, tmp_path):
    assert not home.exists()
    source = sample_experiment.write(tmp_path / "e", queries=20, base_url=f"{server.url}/v1")
    path = tmp_path / "work" / "plan.json"
    path.parent.mkdir()
    save_plan(estimate_experiment(str(source), sample_experiment.DAY).plan, path)
    server.reset(honest(path))
    approve(path)
    return path


def approve(path, cap=CAP, at=NOW):
    plan = read_plan(path)
    approve_plan(plan, path, Approval(plan.digest, cap, "ada", at))


def run(path, folder="work/run"):
    return run_plan(path, NOW, folder=path.parents[1] / folder)[1]


def billed(server):
    bill = server.bill()
    return Money(bill.input_tokens * 400_000 + bill.output_tokens * 800_000)


def ledger_of(path):
    return FileLocation(path.parent / "run" / "ledger.sqlite")


# --- approvals


@pytest.mark.parametrize("how", ["another run folder", "removed runs", "removed and made again"])
def test_an_approval_restored_to_before_its_first_run_is_spent(path, server, how):
    before = approval_path(path).read_bytes()
    assert run(path).end == "cap"
    spent = billed(server)
    approval_path(path).write_bytes(before)
    if how != "another run folder":
        shutil.rmtree(path.parent / "run")
    if how == "removed and made again":
        (path.parent / "run").mkdir()
    with pytest.raises(NotApproved, match=r"(?s)approval is spent: .*a new budget:  afcost appr"):
        run(path, "other" if how == "another run folder" else "work/run")
    assert billed(server) == spent


def test_removed_runs_are_named_when_the_plan_is_approved_again(path, capsys):
    run(path)
    spent = find_earlier_spending(read_plan(path), path).spent
    shutil.rmtree(path.parent / "run")
    with pytest.raises(NotApproved, match="which no longer exists"):
        run(path)
    earlier = find_earlier_spending(read_plan(path), path)
    assert (earlier.is_lost, earlier.spent) == (True, spent)
    assert f"had counted {spent} as spent" in earlier.describe(CAP)
    approve(path)
    assert run(path).end == "cap"  # a new budget, by the user's word
    assert run_cli(["doctor"]) == 0
    assert str(path.parent / "run") in capsys.readouterr().out


def test_an_approval_that_was_replaced_does_not_count_again(path, home, server):
    first = approval_path(path).read_bytes()
    approve(path, Money(CAP.pico * 3))
    second = approval_path(path).read_bytes()
    approve(path, Money(CAP.pico // 2))
    run(path)
    for old in (first, second):
        approval_path(path).write_bytes(old)
        with pytest.raises(NotApproved, match="it was replaced by the approval of"):
            run(path)
    shutil.rmtree(home)  # what the state directory knew, the newest approval knows too
    for old in (first, second):
        approval_path(path).write_bytes(old)
        with pytest.raises(NotApproved, match="a later approval of this study was approved"):
            run(path)
    assert billed(server) <= Money(CAP.pico // 2)


def test_the_order_of_approvals_is_that_of_their_arrival_and_no_clocks(path):
    run(path)
    for cap, at in ((CAP * 4, NOW - timedelta(hours=2)), (Money(1), NOW - timedelta(hours=9))):
        approve(path, cap, at)
        run(path)
        with read_ledger(ledger_of(path)) as reader:
            assert (reader.balance().cap, reader.approvals()[-1].cap) == (cap, cap)


def test_a_cap_below_what_is_spent_says_so(path, server, capsys):
    run(path)
    assert run_cli(["approve", str(path), "--cap", "0.000001", "--yes"]) == 0
    assert "the cap is below what is spent already" in capsys.readouterr().out
    calls, progress = len(server.bill().calls), run(path)
    assert progress.end == "cap"
    assert "the cap was lowered to" in progress.reason
    assert len(server.bill().calls) == calls


def test_two_first_runs_at_the_same_moment_and_an_approval_spend_one_cap(path, server):
    moment = threading.Barrier(3)

    def begin(number):
        moment.wait()
        if number == 2:
            return approve(path)
        try:
            return run(path, f"run{number}").end
        except (NotApproved, LedgerError) as refusal:
            return refusal

    before = server.bill().calls
    with ThreadPoolExecutor(3) as threads:
        ends = list(threads.map(begin, range(3)))
    assert ends.count("cap") == 1, ends
    assert not before
    assert billed(server) <= CAP


def test_a_run_that_begins_while_an_approval_is_recorded_has_the_new_one(path, monkeypatch):
    record, found = approval_file.record_successor, []

    def record_and_begin(earlier, successor):
        record(earlier, successor)
        found.append(check_plan(path, NOW, path.parent / "run").approval.spend_id)

    monkeypatch.setattr(approval_file, "record_successor", record_and_begin)
    approve(path)
    assert found == [read_approval_file(approval_path(path)).approval.spend_id]


@pytest.mark.parametrize("check", ["before a run", "in a dry run"])
def test_an_approval_that_is_replaced_while_it_is_checked_gives_way_to_the_new_one(
    path, monkeypatch, check
):
    refuse, cap = binding.refuse_spent, CAP * 2

    def approve_and_refuse(*arguments):
        monkeypatch.setattr(binding, "refuse_spent", refuse)
        approve(path, cap)
        refuse(*arguments)

    monkeypatch.setattr(binding, "refuse_spent", approve_and_refuse)
    if check == "before a run":
        assert check_plan(path, NOW, path.parent / "run").approval.cap == cap
    else:
        mark = Watermark("a ledger", 1, GENESIS_HASH, Money())
        ledger = BindableLedger("here", mark, was_empty=True, check_watermark=lambda _: None)
        assert check_bindable(read_plan(path), path, NOW, ledger).approval.cap == cap


def test_an_approval_that_was_cut_short_leaves_no_second_budget(path, server, monkeypatch):
    before = approval_path(path).read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(approval_file, "record_successor", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            approve(path)
    assert run(path).end == "cap"  # by the new one: its file was written
    approval_path(path).write_bytes(before)
    with pytest.raises(NotApproved, match="it was replaced by the approval of"):
        run(path, "another")
    assert billed(server) <= CAP


# --- ledgers


@pytest.fixture
def restored(path):
    """Run half of a cap, copy the ledger, run the rest, and put the copy back."""
    approve(path, Money(CAP.pico // 2))
    run(path)
    shutil.copytree(path.parent, path.parents[1] / "copy")
    approve(path)
    run(path)
    newest = approval_path(path).read_bytes()
    shutil.rmtree(path.parent)
    shutil.copytree(path.parents[1] / "copy", path.parent)
    approval_path(path).write_bytes(newest)
    return path


def test_an_older_copy_is_refused_and_what_is_missing_is_counted(restored, server, capsys):
    spent = billed(server)
    earlier = find_earlier_spending(read_plan(restored), restored)
    assert "is an older copy, and a run will refuse it" in earlier.describe(CAP)
    with pytest.raises(RestoredLedger, match=r"up to \d+ of \d+, and about \$0\.0.* missing"):
        run(restored)
    command = ["run", str(restored), "--run-dir", str(restored.parent / "run")]
    assert (run_cli(command), run_cli([*command, "--dry-run"])) == (3, 3)
    assert run_cli(["ledger", str(restored.parent / "run"), "accept-restored"]) == 0
    assert "counts as spent from now on" in capsys.readouterr().out
    with read_ledger(ledger_of(restored)) as reader:
        balance = reader.balance()
        assert balance.settled + balance.held >= spent
        assert reader.find_tampering() is None
    report = build_report(open_run_folder(restored.parent / "run"))
    assert [note for note in report.notes if re.fullmatch(r"restore: .* up to \d+ of \d+", note)]
    assert "older copy" not in find_earlier_spending(read_plan(restored), restored).describe(CAP)
    run(restored)
    assert billed(server) <= CAP
    with pytest.raises(LedgerError, match="nothing is missing"):
        accept_restored_ledger(ledger_of(restored))


def test_a_copy_that_is_put_back_again_after_it_was_accepted_is_refused_again(restored, server):
    shutil.copytree(restored.parent / "run", restored.parents[1] / "once more")
    accept_restored_ledger(ledger_of(restored))
    approve(restored, CAP * 2)
    run(restored)
    shutil.rmtree(restored.parent / "run")
    shutil.copytree(restored.parents[1] / "once more", restored.parent / "run")
    with pytest.raises(RestoredLedger):
        run(restored)
    accept_restored_ledger(ledger_of(restored))
    run(restored)
    assert billed(server) <= CAP * 2


def test_on_another_machine_the_watermark_beside_the_plan_finds_it(restored, home, server):
    shutil.rmtree(home)
    with pytest.raises(RestoredLedger, match="accept-restored"):
        run(restored)
    accept_restored_ledger(ledger_of(restored))
    run(restored)
    assert billed(server).pico <= CAP.pico * 1.01


def test_a_ledger_copied_to_another_folder_becomes_another_one(path):
    run(path)
    copy = path.parents[1] / "copied" / "plan.json"
    shutil.copytree(path.parent, copy.parent)
    with pytest.raises(NotApproved, match="not for this copy"):
        run(copy, "copied/run")
    approve(copy, CAP * 2)
    run(copy, "copied/run")
    identities = []
    for each in (path, copy):
        with read_ledger(ledger_of(each)) as reader:
            identities.append(reader.identity())
    assert len(set(identities)) == 2
    approve(path, CAP * 2)
    assert run(path).end in ("cap", "complete")  # the original is not disturbed


def test_a_state_directory_that_cannot_be_written_leaves_the_watermark(path, home):
    shutil.rmtree(home, ignore_errors=True)
    home.write_text("a file where the folder would be")
    assert run(path).end == "cap"
    assert read_approval_file(approval_path(path)).watermark.seq > 2


def test_a_mark_that_was_torn_is_no_mark(path):
    run(path)
    (known,) = list_known_ledgers()
    mark = known.folder / "mark"
    assert known.watermarks()[0].seq > 10
    mark.write_bytes(mark.read_bytes()[:50])
    assert [each.seq for each in find_known_ledger(known.identity).watermarks()] == [
        known.watermarks()[0].seq
    ]
    assert run(path).end == "cap"


# --- of before


@pytest.fixture
def unnamed(path):
    """Turn a run into one that an earlier version made: nothing has a name or a watermark."""
    run(path)
    document = json.loads(approval_path(path).read_text())
    for name in ("id", "confirmed", "replaces"):
        del document["approval"][name]
    del document["watermark"]
    approval_path(path).write_text(json.dumps(document))
    ledger = ledger_of(path).path
    ledger.unlink()
    make_unnamed_ledger(ledger, read_approval_file(approval_path(path)).approval)
    shutil.rmtree(os.environ["AFCOST_HOME"])
    return path


def make_unnamed_ledger(ledger, approval):
    """Make a ledger of version 3, with its chain, in which the approval is recorded."""
    plan = read_plan(ledger.parents[1] / "plan.json")
    head, tail = CREATE_TABLES.split("CREATE TABLE attempt", 1)
    assert "approval" in head
    old = "CREATE TABLE approval (at TEXT PRIMARY KEY, plan TEXT, cap BIGINT, by TEXT, until TEXT);"
    with sqlite3.connect(ledger) as db:
        db.executescript(f"{old} CREATE TABLE attempt{tail} PRAGMA user_version = 3;")
        for column in ("refusal", "reasoning_form"):
            db.execute(f"ALTER TABLE answer DROP COLUMN {column}")
        at, before = approval.at.isoformat(), GENESIS_HASH
        row = (at, plan.digest, approval.cap.pico, approval.by, None)
        db.execute("INSERT INTO approval VALUES (?, ?, ?, ?, ?)", row)
        for seq, kind, note, stored in ((1, "plan", plan.work_digest, ()), (2, "approve", at, row)):
            entry = (at, kind, "a worker", "", None, 0, 0, 0, 0, note)
            before = entry_hash(before, entry, stored)
            db.execute(f"INSERT INTO entry VALUES ({', '.join('?' * 12)})", (seq, *entry, before))
    db.close()


def test_a_ledger_of_before_is_read_as_it_is_and_continued_with_a_name(unnamed):
    content = ledger_of(unnamed).path.read_bytes()
    with read_ledger(ledger_of(unnamed)) as reader:
        assert reader.find_tampering() is None
        assert (reader.identity(), reader.balance().cap) == ("", CAP)
        assert [each.cap for each in reader.approvals()] == [CAP]
    assert ledger_of(unnamed).path.read_bytes() == content
    run(unnamed)
    with read_ledger(ledger_of(unnamed)) as reader:
        assert len(reader.identity()) == 32
        assert reader.find_tampering() is None
        assert len(reader.approvals()) == 1  # it is the same, though its file has no name
    with pytest.raises(NotApproved, match="this approval is bound to"):
        run(unnamed, "elsewhere")


# --- a key


def test_a_chain_with_a_key_is_continued_and_checked_only_with_it(path, monkeypatch):
    monkeypatch.setenv("AFCOST_LEDGER_KEY", "a long secret")
    run(path)
    approve(path, CAP * 2)
    run(path)
    folder = path.parent / "run"
    assert run_cli(["ledger", str(folder)]) == 0
    assert b"a long secret" not in b"".join(
        each.read_bytes() for each in path.parents[1].rglob("*") if each.is_file()
    )
    monkeypatch.delenv("AFCOST_LEDGER_KEY")
    assert run_cli(["status", str(folder)]) == 0
    with pytest.raises(LedgerError, match="set AFCOST_LEDGER_KEY"):
        run(path)
    assert run_cli(["ledger", str(folder)]) == 3
    monkeypatch.setenv("AFCOST_LEDGER_KEY", "another one")
    with pytest.raises(LedgerError, match="or AFCOST_LEDGER_KEY is not its key"):
        run(path)


def test_a_chain_without_a_key_is_not_continued_with_one(path, monkeypatch):
    run(path)
    monkeypatch.setenv("AFCOST_LEDGER_KEY", "a long secret")
    with pytest.raises(LedgerError, match=r"begun without a key.*unset AFCOST_LEDGER_KEY"):
        run(path)


def test_a_forged_chain_does_not_fit_a_key(path, monkeypatch):
    monkeypatch.setenv("AFCOST_LEDGER_KEY", "a long secret")
    run(path)
    with sqlite3.connect(ledger_of(path).path) as db:
        db.execute("UPDATE identity SET keyed = 0")
    db.close()
    with pytest.raises(LedgerError, match="begun without a key"), open_ledger(ledger_of(path)):
        pass


def test_saving_gives_an_approval_a_name_and_says_what_it_replaces(path):
    names = []
    for _ in range(3):
        save_approval(Approval(read_plan(path).digest, CAP, "ada", NOW), path)
        names.append(read_approval_file(approval_path(path)).approval)
    assert len({each.id for each in names}) == 3
    assert names[2].replaces[-2:] == (names[0].id, names[1].id)
