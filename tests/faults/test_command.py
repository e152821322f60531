"""The real `afcost run`, killed twice and called again, at a provider that loses and breaks things.

The other campaigns call what the command calls; this one is the command itself, as a user has it.
"""

import os
import signal
import subprocess
import sys

from tests.faults.audit import Books, audit
from tests.faults.launcher import ROOT, Ended
from tests.support.provider.behaviour import Behaviour, Fault

AT_THE_CAP = 4
FAULTS = ("500_after", "cut_after", "cut_stream", "malformed", "no_usage")


def command(planned):
    arguments = ["run", str(planned.path), "--run-dir", str(planned.ledger.parent)]
    environment = os.environ | {"AFCOST_HOME": str(planned.folder / "home")}
    return subprocess.Popen(
        [sys.executable, "-m", "afcost", *arguments, "--concurrency", "20"],
        cwd=ROOT,
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_the_command_keeps_the_cap_over_faults_and_crashes(place):
    planned = place.plan(jobs=40, queries=40, votes=1, max_tokens=24)
    faults = tuple(Fault(kind, probability=0.01) for kind in FAULTS)
    honest = {"wordy": True, "input_tokens": "counted", "output_tokens": (1, 24)}
    place.provider.reset(Behaviour(**honest, faults=faults, delay=0.02))
    for calls in (30, 60):
        with command(planned) as running:
            place.provider.arrived(calls, within=30)
            os.kill(running.pid, signal.SIGKILL)
            running.communicate()
    with command(planned) as running:
        said = running.communicate(timeout=60)[1]
        assert running.returncode == AT_THE_CAP, said
    assert "PARTIAL: stopped at the cap" in said
    flaws = audit(planned, place.provider.bill(), Books.read(planned.ledger), [Ended("cap", "")])
    assert flaws == []
