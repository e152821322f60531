"""A plan of the same subjects with other judges goes on in the same ledger, and pays only these."""

import json
import sqlite3
from pathlib import Path

import pytest
import yaml

from estimator.plan import read_plan
from runner.errors import BadRun, LedgerBusy, NotApproved
from runner.execution import StopReason
from runner.launch import find_earlier_spending
from runner.ledger import open_job_table, open_ledger, read_ledger
from runner.results import build_report, export_answers
from runner.run_folder import open_run_folder
from tests.runner import sample_experiment
from tests.runner.launch.a_study import CAP, SUBJECTS


def sums_agree(run):
    with read_ledger(run.ledger_location) as reader:
        assert reader.find_tampering() is None
        return reader.works()


CHANGES = {
    "its file": lambda study: study.write("judge.md", "Did it refuse?"),
    "its template": lambda study: study.judge(
        messages=[{"role": "user", "content": "Refused or not? {{ output }}"}]
    ),
    "its sampling": lambda study: study.judge(sampling={"max_tokens": 9}),
    "its name": lambda study: study.judge(name="another"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_when_a_judge_changed_only_its_verdicts_are_paid_for(study, change):
    run, progress = study.run(study.plan())
    assert (progress.end, study.billed()) == (StopReason.COMPLETE, 2 * SUBJECTS)
    before = build_report(run)
    change(study)
    later = study.plan()
    said = find_earlier_spending(read_plan(later), later).describe(CAP)
    assert f"its {SUBJECTS} answers of the subjects are taken over" in said
    run, progress = study.run(later)
    assert (run.path, progress.end) == (Path("runs/small"), StopReason.COMPLETE)
    assert study.billed() == SUBJECTS
    report = build_report(open_run_folder(run.path))
    assert report.outcome == "complete"
    assert [actual.requests for _, actual in report.strata] == [3] * 8
    assert report.balance.settled > before.balance.settled
    (note,) = [note for note in report.notes if note.startswith("verdicts of earlier judges")]
    assert report.notes[note] == SUBJECTS
    assert export_answers(run, Path("answers.jsonl")) == 2 * SUBJECTS
    assert [each.digest for each in sums_agree(run)] == [
        before.run_folder.plan.work_digest,
        report.run_folder.plan.work_digest,
    ]
    run, _ = study.run(later)
    assert study.billed() == 0


def test_a_judge_that_is_mended_after_it_was_refused_pays_no_subject_again(study):
    first = study.plan()
    run, progress = study.run(first, refuses=True)
    assert progress.end is not StopReason.COMPLETE
    paid = study.billed()
    assert 1 <= paid <= SUBJECTS
    study.judge(messages=[{"role": "user", "content": "Refused? {{ output }}"}])
    run, progress = study.run(study.plan())
    assert progress.end is StopReason.COMPLETE
    assert study.billed() == 2 * SUBJECTS - paid
    with read_ledger(run.ledger_location) as reader:
        calls = [call.attempt.request for call in reader.answered_calls()]
    assert len(calls) == len(set(calls)) == 2 * SUBJECTS
    assert [actual.failed for _, actual in build_report(run).strata] == [0] * 8


def test_a_second_judge_is_asked_and_one_that_is_gone_is_not_reported(study):
    study.run(study.plan())
    first = yaml.safe_load(study.path.read_text())["judges"][0]
    study.judge(first | {"name": "second"})
    both, progress = study.run(study.plan())
    assert (progress.end, study.billed()) == (StopReason.COMPLETE, SUBJECTS)
    assert not [note for note in build_report(both).notes if "earlier judges" in note]
    study.change(judges=[])
    alone, progress = study.run(study.plan())
    assert (progress.end, study.billed()) == (StopReason.COMPLETE, 0)
    report = build_report(alone)
    assert {planned.stage for planned, _ in report.strata} == {"subject"}
    assert [note for note in report.notes if "earlier judges" in note]
    assert export_answers(alone, Path("answers.csv")) == SUBJECTS


def test_the_judges_before_are_there_again_when_their_plan_is_approved_again(study):
    first = study.plan()
    run, _ = study.run(first)
    result = build_report(run).analysis
    kept = study.path.read_text()
    study.judge(messages=[{"role": "user", "content": "Refused? {{ output }}"}])
    study.run(study.plan())
    study.path.write_text(kept)
    with pytest.raises(NotApproved, match="a later plan of this study was approved"):
        study.run(first)
    assert len(sums_agree(run)) == 2
    study.approve(first)
    run, progress = study.run(first)
    assert (progress.end, study.billed()) == (StopReason.COMPLETE, 0)
    assert build_report(run).analysis == result
    assert len(sums_agree(run)) == 3


def test_what_counts_as_an_answer_and_a_comment_may_change_too(study):
    study.run(study.plan())
    study.path.write_text(f"# a comment\n{study.path.read_text()}")
    _, progress = study.run(study.plan())
    assert (progress.end, study.billed()) == (StopReason.COMPLETE, 0)


def test_the_cap_counts_what_was_spent_before(study):
    run, _ = study.run(study.plan())
    spent = build_report(run).balance.settled
    study.judge(messages=[{"role": "user", "content": "Refused? {{ output }}"}])
    later = study.plan()
    study.approve(later, spent)
    _, progress = study.run(later)
    assert (progress.end, study.billed()) == (StopReason.CAP, 0)


def test_the_order_of_work_stays_that_of_the_first_plan(study):
    first = study.plan()
    with_first = study.run(first, refuses=True)[0]
    with read_ledger(with_first.ledger_location) as reader:
        asked = [each.attempt.request for job in reader.jobs() for each in job]
    study.judge(messages=[{"role": "user", "content": "Refused? {{ output }}"}])
    run, _ = study.run(study.plan(), concurrency=1)
    with read_ledger(run.ledger_location) as reader:
        attempts = [each.attempt for job in reader.jobs() for each in job]
    jobs = list(dict.fromkeys(each.job for each in attempts if each.request not in asked))
    subjects = run.request_builder().in_work_order(read_plan(first).order_seed)
    assert jobs == [each.id for each in subjects]


def test_the_plan_and_the_experiment_of_before_are_kept(study):
    first = study.plan()
    run, _ = study.run(first)
    earlier = {name: (run.path / name).read_text() for name in ("plan.json", "experiment.json")}
    study.write("judge.md", "Another?")
    study.run(study.plan())
    digest = read_plan(first).digest[:12]
    for name, text in earlier.items():
        stem = Path(name).stem
        assert (run.path / f"{stem}-{digest}.json").read_text() == text
        assert (run.path / name).read_text() != text


def test_a_crash_between_the_experiment_and_its_plan_leaves_the_plan_before(study, monkeypatch):
    first = study.plan()
    run, _ = study.run(first)
    study.judge(model=sample_experiment.MODEL, name="another")
    later = study.plan()

    def crash(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("runner.run_folder.folder.save_plan", crash)
    with pytest.raises(BadRun, match="No space left on device; nothing was sent"):
        study.run(later)
    monkeypatch.undo()
    monkeypatch.chdir(study.path.parents[1])
    before = open_run_folder(run.path)
    assert [judge.name for judge in before.spec.judges] == ["compliance"]
    assert build_report(before).outcome == "partial"
    assert study.run(later)[1].end is StopReason.COMPLETE
    assert study.billed() == SUBJECTS


def as_of_before(run, *, unmarked=False):
    """Let a ledger be as one that an earlier version made, which did not record the subjects."""
    plan = run.plan
    connection = sqlite3.connect(run.path / "ledger.sqlite", isolation_level=None)
    connection.execute("DROP TRIGGER entry_stays")
    connection.execute("UPDATE entry SET note = ? WHERE kind = 'plan'", (plan.work_digest,))
    if unmarked:
        connection.execute("UPDATE attempt SET request = substr(request, 2) WHERE request <> job")
    return connection


def test_a_ledger_of_before_is_told_by_its_folder_which_subjects_it_is_for(study):
    run, _ = study.run(study.plan())
    connection = as_of_before(run)
    rows = connection.execute("SELECT note FROM entry WHERE kind = 'plan'").fetchall()
    connection.close()
    assert rows == [(run.plan.work_digest,)]
    study.write("judge.md", "Another?")
    later = study.plan()
    with read_ledger(run.ledger_location) as reader:
        assert reader.work().subjects == ""
    said = find_earlier_spending(read_plan(later), later)
    assert (said.refusal, said.subject_answers) == ("", SUBJECTS)


def test_verdicts_of_before_they_were_named_by_their_judge_are_not_taken_over(study):
    run, _ = study.run(study.plan())
    as_of_before(run, unmarked=True).close()
    study.write("judge.md", "Another?")
    later = study.plan()
    assert "another study" in find_earlier_spending(read_plan(later), later).refusal
    with pytest.raises(BadRun, match=r"(?s)this study's ledger is for another plan.*--study NAME"):
        study.run(later)
    assert study.billed() == 0


def test_a_shared_ledger_opens_its_jobs_again(study, postgres):
    url = postgres.database()
    first, progress = study.run(study.plan(), ledger_url=url)
    assert progress.end is StopReason.COMPLETE
    study.write("judge.md", "Another?")
    later = study.plan()
    run, progress = study.run(later, folder=Path("elsewhere"), ledger_url=url)
    assert (progress.end, study.billed()) == (StopReason.COMPLETE, SUBJECTS)
    assert [actual.requests for _, actual in build_report(run).strata] == [3] * 8
    assert len(sums_agree(first)) == 2


def test_no_plan_of_other_judges_begins_while_a_worker_is_at_a_shared_ledger(study, postgres):
    url, first = postgres.database(), study.plan()
    run, _ = study.run(first, ledger_url=url)
    study.write("judge.md", "Another?")
    later = study.plan()
    with (
        open_ledger(run.ledger_location) as ledger,
        open_job_table(run.ledger_location, ledger, 60) as table,
    ):
        table.register(SUBJECTS)
        with pytest.raises(LedgerBusy, match="processes that run an earlier plan"):
            study.run(later, ledger_url=url)
        table.unregister()
    assert study.billed() == 0
    assert len(sums_agree(run)) == 1
    assert study.run(later, ledger_url=url)[1].end is StopReason.COMPLETE
    with (
        open_ledger(run.ledger_location) as ledger,
        open_job_table(run.ledger_location, ledger, 60) as table,
    ):
        ledger._work = None
        ledger.begin_work(sums_agree(run)[0])
        with pytest.raises(LedgerBusy, match="began with another plan of this study"):
            table.register(SUBJECTS)


def test_a_subjects_digest_does_not_change_what_a_plan_is(study):
    path = study.plan()
    assert "subjects" not in json.loads(path.read_text())
