"""Why a run stopped is told when it does, and stays: in `status`, `report` and JSON."""

from __future__ import annotations

import shlex

from tests.e2e.sample_experiment import planned
from tests.support.provider.behaviour import Behaviour, Fault

PRICE = '{input: "0.50", output: "2.00", source: "the lab"}'
RUN = "runs/alignment-faking"


def test_a_breach_is_told_once_and_can_be_read_ever_after(server, tmp_path):
    over = Fault("over_max", calls=(5,), beyond=4000)
    server.reset(Behaviour(answer="by-tier", output_tokens=50, faults=(over,)))
    lab = planned(tmp_path, server.url, PRICE, limit=4)
    lab.afcost("approve", "plan.json", "--cap", "1", "--yes")
    said = lab.afcost("run", "plan.json", "--concurrency", "2", ends=1).stderr
    (headline,) = [line for line in said.splitlines() if line.startswith("STOPPED. BREACH")]
    told = lab.report()
    assert (told["outcome"], told["end"]) == ("partial", "stopped")
    assert headline == f"STOPPED. {told['reason']}"
    assert told["next"] == "afcost run plan.json"
    for command in (("status",), ("report",), ("report", "--format", "md")):
        shown = lab.afcost(command[0], RUN, *command[1:]).stdout
        assert ": STOPPED" in shown
        assert told["reason"] in shown.replace("\\", "")
        assert "Fix the problem, then resume:  afcost run plan.json" in shown


def test_a_cap_that_holds_ate_is_freed_by_the_command_that_is_shown(server, tmp_path):
    fails = Fault("500_before", probability=0.3)
    server.reset(Behaviour(answer="by-tier", output_tokens=50, faults=(fails,)))
    lab = planned(tmp_path, server.url, PRICE, limit=8)
    lab.afcost("approve", "plan.json", "--cap", "0.10", "--yes")
    said = lab.afcost("run", "plan.json", "--concurrency", "4", ends=4).stderr
    told = lab.report()
    requests = f"{told['held_requests']} requests that may have been billed"
    assert "PARTIAL: stopped at the cap, of which $" in said
    assert requests in said
    assert "--cap" not in said
    status = lab.afcost("status", RUN).stdout
    assert said.splitlines()[-4:] == status.splitlines()[-4:]
    (by_hand,) = [line for line in status.splitlines() if "--billed 0" in line]
    lab.afcost(*shlex.split(by_hand)[1:])
    server.reset(Behaviour(answer="by-tier", output_tokens=50))
    assert "afcost run plan.json" in lab.afcost("status", RUN).stdout
    assert "--cap" not in lab.afcost("status", RUN).stdout
    again = lab.afcost("run", "plan.json", ends=4).stderr
    assert "PARTIAL: stopped at the cap. The next job may cost $" in again
    assert "--cap USD" in again  # nothing is held now: the money is spent
