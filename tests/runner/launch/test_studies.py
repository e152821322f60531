"""A study names where a plan's money and answers are kept; its work decides whether it goes on."""

import itertools
import shutil
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from estimator.forecast import read_history
from estimator.plan import EstimateOptions, estimate_experiment, read_plan, save_plan
from estimator.workload import make_request_builder
from experiment.definition import Overrides, load_experiment
from experiment.errors import BadTemplate
from pricing.money import Money
from runner.approval import Approval, save_approval
from runner.errors import BadRun, NotApproved
from runner.execution import StopReason
from runner.ledger import FileLocation, Work, open_ledger, read_ledger
from runner.results import build_report, export_answers
from runner.run_folder import default_run_dir, locate_plan_ledger, open_run_folder
from tests.runner import sample_experiment
from tests.runner.sample_experiment import NOW, run_plan

CAP = Money.from_usd("1")
MINUTES = itertools.count()
MESSAGES = [
    {"role": "system", "content": "{{ raw('rules.md') }} {{ file('./tier.md') }}"},
    {"role": "user", "content": "{{ query }}"},
]


@pytest.fixture
def source(server, tmp_path, monkeypatch):
    """Return an experiment whose prompts are made from files; `runs/` is in the test's folder."""
    monkeypatch.chdir(tmp_path)
    path = sample_experiment.write(tmp_path / "e", base_url=f"{server.url}/v1", messages=MESSAGES)
    (path.parent / "rules.md").write_bytes(b"Be kind.\r\n{{ not a variable }}\r\n")
    (path.parent / "tier.md").write_text("You serve the {{ tier }} tier. {{ how }}\n")
    return str(path)


def estimated(source, overrides=Overrides(), study=None, history=None):
    options = EstimateOptions(study=study)
    return estimate_experiment(
        source, sample_experiment.DAY, overrides, options, history=history
    ).plan


def plan(source, name="plan.json", overrides=Overrides(), study=None, history=None):
    """Plan and approve; gives the plan's path."""
    path = Path(name)
    save_plan(estimated(source, overrides, study, history), path)
    approve(path)
    return path


def approve(path):
    """Approve a plan, a minute after the one before."""
    at = NOW + timedelta(minutes=next(MINUTES))
    save_approval(Approval(read_plan(path).digest, CAP, "ada", at), path)


def execute(path, server):
    server.reset(sample_experiment.honest(path))
    return run_plan(path, NOW)


def test_the_study_is_the_experiments_name_unless_the_file_or_the_user_names_another(source):
    assert estimate_experiment(source, sample_experiment.DAY).plan.study == "small"
    named = sample_experiment.write(Path("named"), study="2026-autumn")
    assert estimate_experiment(str(named), sample_experiment.DAY).plan.study == "2026-autumn"
    assert estimated(str(named), study="mine").study == "mine"
    assert default_run_dir(estimate_experiment(str(named), sample_experiment.DAY).plan) == Path(
        "runs/2026-autumn"
    )


def test_a_forecast_has_no_part_in_the_work_and_all_else_has(source):
    plain = estimate_experiment(source, sample_experiment.DAY).plan
    with_priors = replace(plain, strata=(), groups={}, assumptions=("other",), study="other")
    assert with_priors.work_digest == plain.work_digest
    assert with_priors.digest != plain.digest
    other_sources = {name: priced_elsewhere(model) for name, model in plain.models.items()}
    assert replace(plain, models=other_sources).work_digest == plain.work_digest
    assert replace(plain, models=other_sources).digest != plain.digest
    tomorrow = estimate_experiment(source, sample_experiment.DAY + timedelta(days=1)).plan
    assert tomorrow.work_digest == plain.work_digest
    changed = [
        estimate_experiment(source, sample_experiment.DAY, Overrides(limit=2)).plan,
        estimate_experiment(source, sample_experiment.DAY, Overrides(samples=2)).plan,
        estimate_experiment(
            source,
            sample_experiment.DAY,
            Overrides(prices=(f"{sample_experiment.MODEL}=0.40/0.81",)),
        ).plan,
        replace(plain, files=plain.files | {"rules.md": "0" * 64}),
    ]
    assert len({plain.work_digest, *(each.work_digest for each in changed)}) == 5


def priced_elsewhere(model):
    """Give a model whose price other sources dispute, in other words and on another day."""
    dated = model.offer.tariff.map_cards(lambda card: replace(card, checked=None, source="a list"))
    others = {"alternatives": (model.card,), "assumptions": ("other words",), "tariff": dated}
    return replace(model, offer=replace(model.offer, **others))


def test_a_plan_cannot_spend_what_was_approved_for_a_later_one(source, server):
    first = plan(source)
    run, _ = execute(first, server)
    export_answers(run, Path("billed.csv"))
    later = plan(source, "later.json", history=read_history(Path("billed.csv")))
    execute(later, server)
    with pytest.raises(NotApproved, match="a later plan of this study was approved"):
        execute(first, server)
    assert not server.bill().calls
    approve(first)
    assert execute(first, server)[1].end is StopReason.COMPLETE


def test_a_new_forecast_continues_the_run_and_pays_nothing_twice(source, server):
    first = plan(source)
    run, progress = execute(first, server)
    assert (run.path, progress.end) == (Path("runs/small"), StopReason.COMPLETE)
    export_answers(run, Path("billed.csv"))
    again = plan(source, "again.json", history=read_history(Path("billed.csv")))
    assert read_plan(again).digest != read_plan(first).digest
    assert read_plan(again).work_digest == read_plan(first).work_digest
    run, progress = execute(again, server)
    assert (run.path, progress.end) == (Path("runs/small"), StopReason.COMPLETE)
    assert not server.bill().calls
    assert build_report(run).run_folder.plan.digest == read_plan(again).digest


@pytest.mark.parametrize("missing", [["plan.json"], ["plan.json", "experiment.json"]])
def test_a_crash_while_the_folder_is_written_locks_nobody_out(source, server, missing):
    path = plan(source)
    run, _ = execute(path, server)
    for name in missing:  # the ledger is made first, the plan written last
        (run.path / name).unlink()
    assert execute(path, server)[1].end is StopReason.COMPLETE
    assert not server.bill().calls
    assert build_report(open_run_folder(run.path)).outcome == "complete"


def test_a_folder_whose_plan_is_there_is_whole(source, server, monkeypatch):
    def crash(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("runner.run_folder.folder.write_atomically", crash)
    path = plan(source)
    with pytest.raises(BadRun, match="No space left on device; nothing was sent"):
        execute(path, server)
    assert not (Path("runs/small") / "plan.json").exists()
    monkeypatch.undo()
    monkeypatch.chdir(Path(source).parents[1])
    assert execute(path, server)[1].end is StopReason.COMPLETE


def test_bills_are_compared_with_the_counts_of_their_own_plan(source, server):
    first = plan(source)
    run, _ = execute(first, server)
    shifted = {name: shift(model) for name, model in read_plan(first).models.items()}
    later = replace(read_plan(first), models=shifted)
    assert later.work_digest == read_plan(first).work_digest
    with open_ledger(run.ledger_location) as ledger:
        ledger.record_approval(Approval(later.digest, CAP, "ada", NOW + timedelta(days=1)))
    with read_ledger(run.ledger_location) as reader:
        assert len(list(reader.billed_prompts(read_plan(first).digest))) == 24
        assert list(reader.billed_prompts(later.digest)) == []


def shift(model):
    return replace(model, counting=replace(model.counting, offset=7))


def test_a_ledger_counts_the_money_of_one_study_whatever_its_folder_says(source, server):
    run, _ = execute(plan(source), server)
    higher = Approval("another plan", CAP * 2, "ada", NOW + timedelta(days=1))

    def begin_other_work(ledger):
        with ledger.transaction():
            ledger.record_approval(higher)
            ledger.begin_work(Work("0" * 64, "1" * 64, "another"))

    with open_ledger(FileLocation(run.path / "ledger.sqlite")) as ledger:
        before = ledger.balance
        with pytest.raises(BadRun, match=r"(?s)is for the study small.*--study small"):
            begin_other_work(ledger)
        assert (ledger.balance, before.cap) == (before, CAP)


def test_a_run_folder_holds_all_that_its_prompts_were_made_from(source, server):
    run, _ = execute(plan(source), server)
    builder = make_request_builder(load_experiment(source), run.plan.models)
    planned = list(builder.all_subject_requests())
    shutil.rmtree(Path(source).parent)
    kept = open_run_folder(run.path).request_builder()
    assert list(kept.all_subject_requests()) == planned
    with pytest.raises(BadTemplate, match=r"'none\.md'.*no text was kept"):
        kept.templates.render("{{ raw('none.md') }}", {}, "here")


def test_a_plan_of_before_there_were_studies_keeps_its_digest_and_its_folder(source):
    planned = replace(estimate_experiment(source, sample_experiment.DAY).plan, study="")
    save_plan(planned, Path("old.json"))
    assert '"study"' not in Path("old.json").read_text()
    assert read_plan(Path("old.json")).digest == planned.digest
    assert default_run_dir(planned) == Path("runs") / f"small-{planned.digest[:12]}"
    location = locate_plan_ledger(Path("run"), planned, "postgresql://ada@db/lab")
    assert (location.schema, planned.order_seed) == (
        f"afcost_{planned.digest[:16]}",
        planned.digest,
    )


def test_each_study_has_a_ledger_of_its_own_in_a_shared_database(source, server, postgres):
    url, first = postgres.database(), plan(source)
    server.reset(sample_experiment.honest(first))
    run, progress = run_plan(first, NOW, ledger_url=url)
    assert progress.end is StopReason.COMPLETE
    apart = plan(source, "apart.json", Overrides(samples=2), study="twice")
    server.reset(sample_experiment.honest(apart))
    assert run_plan(apart, NOW, ledger_url=url)[1].end is StopReason.COMPLETE
    assert len(server.bill().calls) == 2 * 2 * 12
    assert [each.plan for each in approvals(run)] == [run.plan.digest]


def approvals(run):
    with read_ledger(run.ledger_location) as reader:
        return reader.approvals()
