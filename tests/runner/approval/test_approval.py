"""Money is spent only where somebody approved it: this plan, here, until then, in one ledger."""

import hashlib
import json
import os
import shutil
from dataclasses import replace
from datetime import timedelta

import pytest

from estimator.errors import BadPlan
from estimator.plan import plan_file as plans
from estimator.plan.planner import estimate_experiment
from experiment.definition.experiment import Overrides
from pricing.money import Money
from runner.approval.approval import Approval
from runner.approval.approval_file import require_approval, save_approval
from runner.approval.binding import BindableLedger, bind_approval, check_ledger_binding
from runner.errors import NotApproved
from runner.state import Watermark
from tests.runner import sample_experiment as lab
from tests.runner.sample_experiment import NOW

CAP = Money.from_usd("12.50")
NEXT_STEP = r"approve it:  afcost approve .*plan\.json --cap USD"


@pytest.fixture(scope="module")
def planned(tmp_path_factory):
    source = lab.write(tmp_path_factory.mktemp("experiment"))
    return estimate_experiment(str(source), lab.DAY).plan


@pytest.fixture
def path(planned, tmp_path):
    path = tmp_path / "plan.json"
    plans.save_plan(planned, path)
    return path


def bind_to(path, ledger):
    """Bind a plan's approval to a ledger; its identity is made from its path."""
    check_ledger_binding(path, str(ledger), ledger.exists)
    newest = Watermark(hashlib.sha256(bytes(ledger)).hexdigest()[:32], 7, "a hash", Money())
    bindable = BindableLedger(str(ledger), newest, was_empty=False, check_watermark=lambda _: None)
    bind_approval(plans.read_plan(path), path, NOW, bindable)


def approve(planned, path, **fields):
    given = replace(Approval(planned.digest, CAP, "ada", NOW), **fields)
    return save_approval(given, path)


def test_a_plan_that_nobody_approved_may_spend_nothing(planned, path):
    with pytest.raises(NotApproved, match=f"is not approved; {NEXT_STEP}"):
        require_approval(planned, path, NOW)


def test_an_approval_is_given_back_as_it_was_recorded(planned, path):
    until = NOW + timedelta(days=1)
    approve(planned, path, until=until)
    found = require_approval(planned, path, NOW)
    assert len(found.id) == 32  # a random one
    assert replace(found, id="") == Approval(planned.digest, CAP, "ada", NOW, until)


def test_an_edited_plan_is_not_the_one_that_was_approved(planned, path):
    approve(planned, path)
    edited = replace(planned, changes=Overrides(samples=2))
    plans.save_plan(edited, path)
    with pytest.raises(NotApproved, match=f"is not the approved one.*{NEXT_STEP}"):
        require_approval(plans.read_plan(path), path, NOW)


def test_a_copied_folder_cannot_spend_the_approval_again(planned, path, tmp_path):
    approve(planned, path)
    shutil.copytree(tmp_path, tmp_path.parent / f"{tmp_path.name}-copy")
    copy = tmp_path.parent / f"{tmp_path.name}-copy" / "plan.json"
    with pytest.raises(NotApproved, match=f"is for {path}, not for this copy; {NEXT_STEP}"):
        require_approval(planned, copy, NOW)
    assert require_approval(planned, path, NOW).cap == CAP


@pytest.mark.parametrize(("late", "allowed"), [(-1, True), (0, False), (1, False)])
def test_an_approval_ends_at_its_time_to_the_microsecond(planned, path, late, allowed):
    approve(planned, path, until=NOW)
    moment = NOW + timedelta(microseconds=late)
    if allowed:
        assert require_approval(planned, path, moment).cap == CAP
    else:
        with pytest.raises(NotApproved, match=f"expired at 2026-11-20 12:00; {NEXT_STEP}"):
            require_approval(planned, path, moment)


def test_an_approval_is_counted_in_one_ledger_only(planned, path, tmp_path):
    approve(planned, path)
    first, second = tmp_path / "a" / "ledger.sqlite", tmp_path / "b" / "ledger.sqlite"
    first.parent.mkdir()
    first.touch()
    bind_to(path, first)
    bind_to(path, first)
    with pytest.raises(NotApproved) as refusal:
        bind_to(path, second)
    assert str(first) in str(refusal.value)
    assert f"afcost run {path} --run-dir {first.parent}" in str(refusal.value)


def test_a_ledger_that_is_gone_is_named_with_what_to_do(planned, path, tmp_path):
    approval = approve(planned, path)
    bind_to(path, tmp_path / "a" / "ledger.sqlite")
    with pytest.raises(NotApproved, match="which no longer exists") as refusal:
        bind_to(path, tmp_path / "b" / "ledger.sqlite")
    assert f"afcost approve {path} --cap USD" in str(refusal.value)
    assert approval.exists()


def test_a_second_approval_changes_the_cap_and_keeps_the_ledger(planned, path, tmp_path):
    approve(planned, path)
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "ledger.sqlite").touch()
    bind_to(path, tmp_path / "a" / "ledger.sqlite")
    approve(planned, path, cap=CAP * 2, at=NOW + timedelta(days=1))
    assert require_approval(planned, path, NOW).cap == CAP * 2
    with pytest.raises(NotApproved):
        bind_to(path, tmp_path / "b" / "ledger.sqlite")
    bind_to(path, tmp_path / "a" / "ledger.sqlite")


def test_a_copy_that_is_approved_by_itself_has_a_ledger_of_its_own(planned, path, tmp_path):
    approve(planned, path)
    bind_to(path, tmp_path / "a" / "ledger.sqlite")
    copy = tmp_path / "elsewhere" / "plan.json"
    copy.parent.mkdir()
    for file in (path, path.with_suffix(".approval.json")):
        shutil.copy(file, copy.parent)
    approve(planned, copy)
    bind_to(copy, tmp_path / "b" / "ledger.sqlite")
    with pytest.raises(NotApproved):
        bind_to(copy, tmp_path / "a" / "ledger.sqlite")


def test_binding_changes_nothing_else_of_an_approval(planned, path, tmp_path):
    approve(planned, path, until=NOW + timedelta(days=1))
    before = require_approval(planned, path, NOW)
    bind_to(path, tmp_path / "ledger.sqlite")
    assert require_approval(planned, path, NOW) == before


@pytest.mark.parametrize(
    "damaged",
    [
        "",
        "{}",
        "[]",
        "null",
        '"approved"',
        '{"approval": {}, "place": "", "ledger": null}',
        '{"approval": null, "place": "", "ledger": null}',
        "[" * 100_000,
    ],
)
def test_an_approval_that_cannot_be_read_allows_nothing(planned, path, tmp_path, damaged):
    approval = approve(planned, path)
    approval.write_text(damaged)
    with pytest.raises(NotApproved, match=r"cannot read.*approve again"):
        require_approval(planned, path, NOW)
    with pytest.raises(NotApproved, match=r"cannot read.*approve again"):
        bind_to(path, tmp_path / "ledger.sqlite")


@pytest.mark.parametrize(
    "cap",
    ["much", "1e-13", "", None, "-5", "0", "NaN", "Infinity", "1e999999999", "1e30", {"a": 1}],
)
def test_a_cap_that_is_no_amount_allows_nothing(planned, path, cap):
    approval = approve(planned, path)
    document = json.loads(approval.read_text())
    document["approval"]["cap_usd"] = cap
    approval.write_text(json.dumps(document))
    with pytest.raises(NotApproved, match="cannot read"):
        require_approval(planned, path, NOW)


@pytest.mark.parametrize("name", ["at", "until"])
@pytest.mark.parametrize("time", ["2099-01-01T00:00:00", "2099-01-01"])
def test_a_time_without_a_zone_allows_nothing(planned, path, name, time):
    approval = approve(planned, path)
    document = json.loads(approval.read_text())
    document["approval"][name] = time
    approval.write_text(json.dumps(document))
    with pytest.raises(NotApproved, match=f"{name} is '{time}', a time without a zone"):
        require_approval(planned, path, NOW)


def test_an_approval_nested_without_end_allows_nothing(planned, path):
    approve(planned, path).write_text("[" * 100_000 + "]" * 100_000)
    with pytest.raises(NotApproved, match=r"nested too deep.*approve again"):
        require_approval(planned, path, NOW)


def test_neither_a_plan_nor_an_approval_is_waited_for(planned, path):
    approval = approve(planned, path)
    approval.unlink()
    os.mkfifo(approval)
    with pytest.raises(NotApproved, match="pipe"):
        require_approval(planned, path, NOW)
    path.unlink()
    path.symlink_to("/dev/zero")
    with pytest.raises(BadPlan, match="device"):
        plans.read_plan(path)
