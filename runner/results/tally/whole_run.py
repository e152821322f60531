"""Tallying a run: all of its attempts added up, those of a long ledger by several processes.

Reading what answers and verdicts say takes most of a report's time, and one job has no part in the
next. So some processes read the texts of some jobs each, and return sums and what is said of each
answer, which are a small part of what they read. They are put together in the order of the jobs,
so the figures do not depend on how many processes there are.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress

from estimator.cores import count_cores
from experiment.analysis import Observation
from runner.ledger import LedgerReader, is_running, read_ledger
from runner.results.tally.run_records import JobRecords, RunRecords
from runner.results.tally.run_tally import RunTally
from runner.results.tally.tally_processes import ProcessesLost, TallyTask, start_processes
from runner.run_folder import RunFolder

_MANY_ENTRIES = 200_000  # from which on processes are worth their start, of about a second
_MOST_PROCESSES = 4  # each takes about 100 MB


def tally_run(
    run_folder: RunFolder,
    reader: LedgerReader,
    *,
    is_running: bool,
    has_crashed: bool,
    shifts: Mapping[str, Mapping[str, int]] = {},
) -> RunTally:
    """Add up all attempts of a run.

    Args:
        run_folder: of the run.
        reader: of its ledger.
        is_running: whether an execution goes on.
        has_crashed: whether the last one ended unexpectedly.
        shifts: as of `find_count_shifts`.
    """
    records = RunRecords(run_folder, reader)
    if records.counts_all and not is_running and not shifts and reader.last_seq() >= _MANY_ENTRIES:
        # Else others write meanwhile, or each process would have to find what the plan counts.
        with suppress(ProcessesLost):  # then this one does it alone
            return _tally_with_processes(run_folder, reader, has_crashed=has_crashed)
    tally = RunTally(run_folder, is_running=is_running, has_crashed=has_crashed, shifts=shifts)
    for job in records.read():
        tally.add(job)
    return tally


def _tally_with_processes(
    run_folder: RunFolder, reader: LedgerReader, *, has_crashed: bool
) -> RunTally:
    number = min(count_cores(), _MOST_PROCESSES)
    if number == 1:
        raise ProcessesLost
    tally = RunTally(run_folder, is_running=False, has_crashed=has_crashed)
    location, newest = run_folder.ledger_location, reader.last_entry()
    task = TallyTask(run_folder.path, location, run_folder.plan.digest, newest, has_crashed)
    jobs = 0
    with start_processes(task, number) as processes:
        for spans, part in processes.ask(reader.job_spans()):
            jobs += len(spans)
            tally.add_part(part)
    for attempts in reader.jobs_without_entries(jobs):
        tally.add(JobRecords(attempts, []))
    return tally


def read_observations(run_folder: RunFolder) -> list[Observation]:
    """Return the subjects' answers of a run with what its judges say of them.

    Raises:
        LedgerError: the ledger cannot be read.
    """
    with read_ledger(run_folder.ledger_location) as reader:
        is_busy = is_running(run_folder.ledger_location)
        return tally_run(run_folder, reader, is_running=is_busy, has_crashed=False).observations
