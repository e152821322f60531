"""Plans of a study come one after the other in its ledger, and pay only what is not answered."""

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from estimator.plan import read_plan
from experiment.prompts import RequestBuilder
from pricing.money import Money
from runner.approval import approval_path, read_approval_file
from runner.errors import BadRun, LedgerBusy, NotApproved
from runner.execution import StopReason
from runner.launch import find_waiting_approval
from runner.launch.run_plan import _record_approval
from runner.ledger import Work, open_job_table, open_ledger, read_ledger
from runner.results import build_report, count_current_answers
from runner.results.tally import RunRecords
from runner.run_folder import describe_work, open_run_folder
from tests.runner import sample_experiment
from tests.runner.launch.a_study import CAP, SUBJECTS
from tests.runner.sample_experiment import NOW

CONDITIONS = 4
OTHER = "my-lab/llama-3.1-70b"
PRICES = {name: {"input": "0.40", "output": "0.80"} for name in (sample_experiment.MODEL, OTHER)}


def run_whole(study, **options):
    """Plan, approve and run; gives the run, of which everything is answered."""
    run, progress = study.run(study.plan(), **options)
    assert progress.end is StopReason.COMPLETE, progress.reason
    report = build_report(open_run_folder(run.path))
    assert [actual.requests for _, actual in report.strata] == [
        planned.requests for planned, _ in report.strata
    ]
    return run


def write_queries(study, *lines):
    study.write("queries.txt", "".join(f"{line}\n" for line in lines))


def texts(run):
    """Return the answered texts of the subjects by the model, condition, query and sample."""
    with read_ledger(run.ledger_location) as reader:
        jobs = RunRecords(open_run_folder(run.path), reader).read()
        records = [each for job in jobs for each in job.current]
    return {
        (a.model, a.condition, a.query, a.sample): (a.request, each.answer.text)
        for each in records
        if (a := each.attempt).stage == "subject" and each.answer
    }


def paid_once(run):
    """See that no request has two answers, and that the ledger was not changed."""
    with read_ledger(run.ledger_location) as reader:
        assert reader.find_tampering() is None
        counts = Counter(call.attempt.request for call in reader.answered_calls())
    assert max(counts.values()) == 1
    return len(counts)


def add_model(study):
    study.change(models=[sample_experiment.MODEL, OTHER])
    study.write("afcost.prices.yaml", yaml.safe_dump({"prices": PRICES}))


def test_a_model_more_pays_only_its_own(study):
    run = run_whole(study)
    before = texts(run)
    add_model(study)
    run = run_whole(study)
    assert study.billed() == 2 * SUBJECTS
    after = texts(run)
    assert before.items() <= after.items()
    assert {key[0] for key in after.keys() - before.keys()} == {OTHER}
    assert paid_once(run) == 4 * SUBJECTS


def test_an_inserted_query_pays_only_its_own_and_the_others_keep_their_answers(study):
    write_queries(study, "one", "two", "three")
    before = texts(run_whole(study))
    write_queries(study, "zero", "one", "two", "three")
    run = run_whole(study)
    assert study.billed() == 2 * CONDITIONS
    after = texts(run)
    assert {(m, c, q + 1, s): text for (m, c, q, s), text in before.items()}.items() <= (
        after.items()
    )
    assert build_report(run).analysis.comparisons[0].rates[0].missing == 4, "no verdict is a vote"
    assert not [note for note in build_report(run).notes if "earlier" in note]


def test_more_samples_pay_only_the_new_draws(study):
    before = texts(run_whole(study))
    study.change(samples=3)
    run = run_whole(study)
    assert study.billed() == 2 * 2 * SUBJECTS
    assert before.items() <= texts(run).items()


def test_a_factor_pays_only_the_levels_that_send_something_else(study):
    before = texts(run_whole(study))
    spec = yaml.safe_load(study.path.read_text())
    tone = {"plain": {"tone": ""}, "rude": {"tone": " Be rude."}}
    system = {"role": "system", "content": spec["messages"][0]["content"] + "{{ tone }}"}
    study.change(factors=spec["factors"] | {"tone": tone}, messages=[system, *spec["messages"][1:]])
    run = run_whole(study)
    assert study.billed() == 2 * SUBJECTS
    after = texts(run)
    plain = {key: text for key, text in after.items() if key[1].endswith("/plain")}
    assert sorted(plain.values()) == sorted(before.values())
    assert {key[1] for key in plain} == {f"{each[1]}/plain" for each in before}


def test_conditions_and_levels_may_be_renamed_and_moved(study):
    before = texts(run_whole(study))
    spec = yaml.safe_load(study.path.read_text())
    tiers = spec["factors"]["tier"]
    renamed = {"sold": tiers["paid"], "gratis": tiers["free"]}
    study.change(factors=spec["factors"] | {"tier": renamed})
    run = run_whole(study)
    assert study.billed() == 0
    names = {"free": "gratis", "paid": "sold"}
    expected = {
        (m, "/".join([names[c.split("/")[0]], c.split("/")[1]]), q, s): text
        for (m, c, q, s), text in before.items()
    }
    assert texts(run) == expected


def test_requests_that_send_the_same_have_draws_of_their_own(study):
    write_queries(study, "one", "one", "two")
    before = texts(run_whole(study))
    assert study.billed() == 2 * SUBJECTS
    assert len({request for request, _ in before.values()}) == SUBJECTS
    write_queries(study, "one", "two", "one", "one")
    run = run_whole(study)
    assert study.billed() == 2 * CONDITIONS
    assert {request for request, _ in before.values()} < {each for each, _ in texts(run).values()}


def test_a_judge_is_asked_again_where_it_is_told_something_else_of_the_same_answer(study):
    same = {"kind": {"a": {"rubric": "strict"}, "b": {"rubric": "lax"}}}
    asks = [{"role": "user", "content": "{{ rubric }}: {{ output }}"}]
    study.change(factors=same, messages=[{"role": "user", "content": "{{ query }}"}])
    study.judge(messages=asks)
    run_whole(study)
    assert study.billed() == 2 * 2 * 3
    study.change(factors={"kind": dict(reversed(same["kind"].items()))})
    run_whole(study)
    assert study.billed() == 2 * 3, "the first draws are of the other rubric now, and judged by it"


def test_what_is_gone_is_billed_and_named_and_has_no_part_in_the_result(study):
    first = study.path.read_text()
    alone = texts(run_whole(study))
    add_model(study)
    run = run_whole(study)
    spent = build_report(run).balance.settled
    study.path.write_text(first)
    run = run_whole(study)
    assert study.billed() == 0
    assert texts(run) == alone
    assert count_current_answers(run) == 2 * SUBJECTS
    report = build_report(run)
    assert report.balance.settled == spent
    notes = {note.partition(",")[0]: number for note, number in report.notes.items()}
    assert notes["answers of earlier plans"] == notes["verdicts of earlier judges"] == SUBJECTS
    add_model(study)
    run_whole(study)
    assert study.billed() == 0


def test_prices_that_changed_pay_nothing_again(study):
    run_whole(study)
    dear = {sample_experiment.MODEL: {"input": "0.60", "output": "0.90"}}
    study.write("afcost.prices.yaml", yaml.safe_dump({"prices": dear}))
    run_whole(study)
    assert study.billed() == 0


def test_one_cap_is_for_all_plans_of_the_study(study):
    run = run_whole(study)
    spent = build_report(run).balance.settled
    add_model(study)
    later = study.plan()
    study.approve(later, Money(spent.pico + 1))
    run, progress = study.run(later)
    assert (progress.end, study.billed()) == (StopReason.CAP, 0)
    assert build_report(run).balance.settled == spent


def test_an_earlier_plan_cannot_go_on_after_a_later_one(study):
    first = study.plan()
    study.run(first)
    kept = study.path.read_text()
    add_model(study)
    run_whole(study)
    study.path.write_text(kept)
    study.write(
        "afcost.prices.yaml", yaml.safe_dump({"prices": {sample_experiment.MODEL: PRICES[OTHER]}})
    )
    with pytest.raises(NotApproved, match="a later plan of this study was approved"):
        study.run(first)
    assert study.billed() == 0


def test_another_study_is_refused_in_the_folder_and_in_the_ledger(study):
    run = run_whole(study)
    other = study.plan("another")
    with pytest.raises(BadRun, match=r"runs/small holds the answers of the study small.*another"):
        study.run(other, folder=run.path)
    (run.path / "plan.json").unlink()
    with pytest.raises(BadRun, match=r"(?s)this ledger is for the study small.*--study small"):
        study.run(other, folder=run.path)
    assert study.billed() == 0
    assert study.run(other)[0].path == Path("runs/another")
    assert study.billed() == 2 * SUBJECTS


def test_a_shared_ledger_gets_the_jobs_of_its_newest_plan(study, postgres):
    url = postgres.database()
    run_whole(study, ledger_url=url)
    add_model(study)
    later = study.plan()
    run, progress = study.run(later, folder=Path("elsewhere"), ledger_url=url)
    assert (progress.end, study.billed()) == (StopReason.COMPLETE, 2 * SUBJECTS)
    assert paid_once(run) == 4 * SUBJECTS
    study.change(samples=2, models=[OTHER])
    later = study.plan()
    with (
        open_ledger(run.ledger_location) as ledger,
        open_job_table(run.ledger_location, ledger, 60) as table,
    ):
        ledger._work = None
        table.register(2 * SUBJECTS)
        with pytest.raises(LedgerBusy, match="processes that run an earlier plan of this study"):
            study.run(later, ledger_url=url)
        table.unregister()
    run, progress = study.run(later, ledger_url=url)
    assert (progress.end, study.billed()) == (StopReason.COMPLETE, 2 * SUBJECTS)
    assert paid_once(run) == 6 * SUBJECTS


def test_a_plan_that_another_process_replaced_just_now_begins_nothing(study, postgres):
    url = postgres.database()
    run = run_whole(study, ledger_url=url)
    add_model(study)
    later = study.plan()
    approval = read_approval_file(approval_path(later)).approval
    with (
        open_ledger(run.ledger_location) as late,
        open_ledger(run.ledger_location) as ledger,
        open_job_table(run.ledger_location, ledger, 60) as table,
    ):
        late.begin_work(describe_work(run.plan))
        assert not late.has_other_work
        ledger.begin_work(describe_work(read_plan(later)))
        _record_approval(ledger, approval, run.ledger_location, 2 * SUBJECTS)
        table.register(2 * SUBJECTS)
        again = replace(approval, plan=run.plan.digest, id="another")
        with pytest.raises(LedgerBusy, match="processes that run an earlier plan"):
            _record_approval(late, again, run.ledger_location, SUBJECTS)
        table.unregister()
    with read_ledger(run.ledger_location) as reader:
        assert reader.approvals()[-1].plan == read_plan(later).digest
        assert len(reader.works()) == 2


@pytest.fixture
def as_before(monkeypatch):
    """Let runs be as an earlier version made them, until the function that this gives is called."""
    build = RequestBuilder._build_subject

    def name_as_before(self, *args):
        request = build(self, *args)
        return replace(request, id=self._name_as_before(request))

    monkeypatch.setattr(RequestBuilder, "_build_subject", name_as_before)
    monkeypatch.setattr("estimator.plan.planner.load_workload", lambda *_: None)
    monkeypatch.setattr("estimator.plan.planner.save_workload", lambda *_: None)
    note = property(lambda self: f"{self.digest} subjects {self.subjects}")
    monkeypatch.setattr(Work, "note", note)

    def end(run, path):
        monkeypatch.undo()
        monkeypatch.chdir(path)
        kept = json.loads((run.path / "experiment.json").read_text())
        del kept["ids_of_before"], kept["repeats"]
        (run.path / "experiment.json").write_text(json.dumps(kept))
        with read_ledger(run.ledger_location) as reader:
            assert len(reader.jobs_of_before()) == SUBJECTS
            assert reader.works()[0].study == ""

    return end


def test_a_plan_and_a_ledger_of_before_go_on_and_pay_nothing_again(study, tmp_path, as_before):
    first = study.plan()
    run, _ = study.run(first)
    before = build_report(run).to_json()
    as_before(run, tmp_path)
    assert build_report(open_run_folder(run.path)).to_json() == before
    run, progress = study.run(first)
    assert (progress.end, study.billed()) == (StopReason.COMPLETE, 0)
    assert build_report(open_run_folder(run.path)).analysis == build_report(run).analysis
    run_whole(study)  # planned again, by this version
    assert study.billed() == 0


@pytest.mark.parametrize("resumed", [False, True])
def test_the_answers_of_before_are_found_wherever_they_stand_now(
    study, tmp_path, as_before, resumed
):
    write_queries(study, "one", "two", "two")
    first = study.plan()
    run, _ = study.run(first)
    before = texts(run)
    as_before(run, tmp_path)
    if resumed:
        study.run(first)
    write_queries(study, "zero", "one", "two", "two")
    add_model(study)
    run = run_whole(study)
    assert study.billed() == 2 * (SUBJECTS + 2 * CONDITIONS)
    moved = {(m, c, q + 1, s): each for (m, c, q, s), each in before.items()}
    assert moved.items() <= texts(run).items()
    study.judge(messages=[{"role": "user", "content": "Refused or not? {{ output }}"}])
    run = run_whole(study)
    assert study.billed() == 2 * 4 * CONDITIONS
    assert moved.items() <= texts(run).items()


def test_a_shared_ledger_of_before_needs_the_folder_that_says_what_it_is_of(
    study, tmp_path, postgres, as_before
):
    url = postgres.database()
    run, _ = study.run(study.plan(), ledger_url=url)
    as_before(run, tmp_path)
    add_model(study)
    later = study.plan()
    with pytest.raises(BadRun, match=r"(?s)is for another plan.*--study NAME"):
        study.run(later, folder=Path("elsewhere"), ledger_url=url)
    assert study.billed() == 0
    run, progress = study.run(later, ledger_url=url)
    assert (progress.end, study.billed()) == (StopReason.COMPLETE, 2 * SUBJECTS)
    with read_ledger(run.ledger_location) as reader:
        assert reader.works()[-1].study == read_plan(later).study


def test_the_newest_cap_counts(study):
    run = run_whole(study)
    study.change(samples=2)
    later = study.plan()
    study.approve(later, CAP * 2)
    run, _ = study.run(later)
    assert build_report(run).balance.cap == CAP * 2


def test_an_approval_waits_until_a_run_begins_with_it(study):
    run = run_whole(study)
    assert find_waiting_approval(run, NOW) is None
    study.change(samples=2)
    later = study.plan()
    study.approve(later, CAP * 2)
    waiting = find_waiting_approval(run, NOW)
    assert (waiting.approval.cap, waiting.plan_file) == (CAP * 2, later.resolve())
    run, _ = study.run(later)
    assert find_waiting_approval(run, NOW) is None
