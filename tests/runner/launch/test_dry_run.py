"""A dry run refuses what a run refuses, in the same words, and writes nothing."""

import shutil
from datetime import timedelta
from pathlib import Path

import pytest
import yaml

from estimator.plan import EstimateOptions, estimate_experiment, read_plan, save_plan
from experiment.definition import Overrides
from pricing.money import Money
from runner.approval import Approval, save_approval
from runner.errors import RunnerError
from runner.execution import StopReason
from runner.launch import RunOptions, prepare_dry_run
from runner.ledger import FileLocation, open_job_table, open_ledger
from runner.results import build_report
from tests.runner import sample_experiment
from tests.runner.sample_experiment import NOW, run_plan
from tests.support.provider.behaviour import Behaviour

CAP = Money.from_usd("1")


@pytest.fixture
def source(server, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    server.reset(Behaviour(text="<OUTPUT>yes</OUTPUT>", input_tokens="counted", output_tokens=3))
    return str(sample_experiment.write(tmp_path / "e", base_url=f"{server.url}/v1"))


def plan(source, name="plan.json", cap=CAP, minutes=0, study=None, **overrides):
    path, options = Path(name), EstimateOptions(study=study)
    changes = Overrides(**overrides)
    save_plan(estimate_experiment(source, sample_experiment.DAY, changes, options).plan, path)
    approve(path, cap, minutes)
    return path


def approve(path, cap=CAP, minutes=0, until=None):
    at = NOW + timedelta(minutes=minutes)
    save_approval(Approval(read_plan(path).digest, cap, "ada", at, until), path)


def files():
    """Return every file of the test, but SQLite's own that readers make, with its content."""
    return {
        path: path.read_bytes()
        for path in Path().rglob("*")
        if path.is_file() and not path.name.endswith(("-wal", "-shm", ".lock"))
    }


def refused_alike(path, now=NOW, **options):
    """Return why a run and a dry run refuse, which is the same; the dry run writes nothing."""
    before = files()
    with pytest.raises(RunnerError) as dry:
        prepare_dry_run(path, now, RunOptions(**options))
    assert files() == before
    with pytest.raises(RunnerError) as real:
        run_plan(path, now, **options)
    assert (type(dry.value), str(dry.value)) == (type(real.value), str(real.value))
    return str(real.value)


def test_a_complete_run_has_nothing_left_whatever_its_judges_were_not_asked(source):
    spec = yaml.safe_load(Path(source).read_text())
    spec["judges"][0]["when"] = "accepted"  # no answer says so: the judge is never asked
    Path(source).write_text(yaml.safe_dump(spec, sort_keys=False))
    path = plan(source)
    assert prepare_dry_run(path, NOW).left == 24
    assert not Path("runs").exists()
    run, progress = run_plan(path, NOW)
    assert (progress.end, progress.answered) == (StopReason.COMPLETE, 12)
    before = files()
    shown = prepare_dry_run(path, NOW)
    assert (shown.is_complete, shown.left, shown.jobs) == (True, 0, [])
    assert shown.balance.settled == build_report(run).balance.settled
    assert files() == before


def test_what_is_left_of_a_run_is_counted_with_the_judges_of_its_answers(source):
    path = plan(source)
    most = prepare_dry_run(path, NOW).jobs[0][1]
    approve(path, most * 3)
    _, progress = run_plan(path, NOW, concurrency=1)
    assert progress.end is StopReason.CAP
    shown = prepare_dry_run(path, NOW)
    assert shown.left == 24 - progress.answered
    assert shown.is_at_cap
    assert shown.jobs[0][1] > shown.balance.free
    approve(path, CAP, minutes=1)
    assert not prepare_dry_run(path, NOW).is_at_cap


def test_another_studys_folder_or_ledger_is_refused(source):
    run, _ = run_plan(plan(source), NOW)
    other = plan(source, "other.json", study="another", minutes=1)
    assert "holds the answers of the study small" in refused_alike(other, folder=run.path)
    (run.path / "plan.json").unlink()
    assert "this ledger is for the study small" in refused_alike(other, folder=run.path)


def test_a_changed_plan_of_the_study_asks_only_what_is_not_answered(source):
    run, _ = run_plan(plan(source), NOW)
    more = plan(source, "more.json", samples=2, minutes=1)
    dry = prepare_dry_run(more, NOW)
    assert dry.left == 24
    assert {each.sample for each, _ in dry.jobs} == {1}
    assert dry.balance.settled == build_report(run).balance.settled


def test_a_ledger_that_another_process_has_open_is_refused(source):
    path = plan(source)
    run, _ = run_plan(path, NOW)
    with open_ledger(FileLocation(run.path / "ledger.sqlite")):
        assert "another process is running this plan" in refused_alike(path)


def test_an_approval_that_expired_or_that_a_later_one_replaced_is_refused(source):
    path = plan(source)
    run_plan(path, NOW)
    Path("e/experiment.yaml").write_text(f"# other words\n{Path(source).read_text()}")
    later = plan(source, "later.json", minutes=1)
    run_plan(later, NOW)
    Path("e/experiment.yaml").write_text(Path(source).read_text().removeprefix("# other words\n"))
    assert "a later plan of this study was approved" in refused_alike(path)
    approve(path, minutes=2, until=NOW)
    assert "the approval expired" in refused_alike(path, NOW + timedelta(minutes=1))


def test_an_older_copy_of_a_ledger_is_refused(source):
    path = plan(source)
    folder = run_plan(path, NOW)[0].path
    shutil.copytree(folder, "backup")
    spec = yaml.safe_load(Path(source).read_text())
    spec["judges"][0]["messages"][0]["content"] = "Refused? {{ output }}"
    Path(source).write_text(yaml.safe_dump(spec, sort_keys=False))
    later = plan(source, minutes=1)
    run_plan(later, NOW)
    shutil.rmtree(folder)
    shutil.copytree("backup", folder)
    assert "is an older copy" in refused_alike(later)


def test_an_approval_that_another_ledger_spent_is_refused(source):
    path = plan(source)
    run, _ = run_plan(path, NOW)
    assert "is bound to the ledger" in refused_alike(path, folder=Path("elsewhere"))
    shutil.rmtree(run.path)
    assert "which no longer exists" in refused_alike(path)


@pytest.mark.parametrize("place", ["file", "file/below"])
def test_a_folder_that_cannot_be_made_is_refused(source, place):
    path = plan(source)
    Path("file").write_text("")
    assert f"cannot write to {place}" in refused_alike(path, folder=Path(place))


def test_a_changed_ledger_is_refused(source):
    path = plan(source)
    run, _ = run_plan(path, NOW)
    ledger = run.path / "ledger.sqlite"
    for each in run.path.glob("ledger.sqlite-*"):
        each.unlink()
    ledger.write_bytes(b"not a ledger" * 1000)
    assert "ledger" in refused_alike(path)


def test_a_shared_ledger_on_which_an_earlier_plan_runs_is_refused(source, postgres):
    url, first = postgres.database(), plan(source)
    run, _ = run_plan(first, NOW, ledger_url=url)
    Path(source).write_text(f"# other words\n{Path(source).read_text()}")
    later = plan(source, "later.json", minutes=1)
    with (
        open_ledger(run.ledger_location) as ledger,
        open_job_table(run.ledger_location, ledger, 60) as table,
    ):
        table.register(12)
        assert "run an earlier plan of this study" in refused_alike(later, ledger_url=url)
        table.unregister()
    assert prepare_dry_run(later, NOW, RunOptions(ledger_url=url)).is_complete
