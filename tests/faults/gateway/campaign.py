"""A campaign through the gateway: a program under `afcost guard`, killed, and started again.

    campaign = GatewayCampaign(Behaviour(), kills=(GatewayKill("gateway", 20),))
    assert perform(campaign, folder, server).flaws == ()

The command is the real one, in a process of its own, and so is the program, which makes its calls
again at each start. The provider keeps its own bill. The last start goes on to its end.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Literal

from pricing.money import Money
from runner.ledger import FileLocation, read_ledger
from tests.e2e.sample_experiment import Lab
from tests.faults.audit import BEYOND
from tests.support.forks import ForkedCommand
from tests.support.provider.behaviour import Behaviour, Fault
from tests.support.provider.bill import Bill, BilledCall
from tests.support.provider.server import ProviderHandle

PROGRAM = Path(__file__).with_name("program.py")
INPUT, OUTPUT = 400_000, 800_000  # pico-dollars a token
MODEL, PRICE = "llama-3.1-8b", "0.40/0.80"
PROMPT = 64  # tokens, more than any prompt is reserved
LOOK, STUCK = 0.02, 120.0  # seconds
STOPPED, MOST_STARTS = 1, 6


@dataclass(frozen=True)
class GatewayKill:
    """When what is killed: once the provider has had so many more calls, and some seconds later."""

    what: Literal["gateway", "program", "both"]
    calls: int
    delay: float = 0.0


@dataclass(frozen=True)
class GatewayCampaign:
    """What is run, and what happens to it.

    Attributes:
        behaviour: of the provider; its prompts and texts are as long as it bills them.
        threads: of the program.
        calls: that a start of it makes, if nothing refuses them.
        paid: how many calls the cap pays for, each at the most that it can cost.
        streams: the share of its calls that are streamed.
        leaves: the share of these at whose beginning it hangs up.
        most: tokens of an answer.
        timeout: seconds that a call may take.
        kills: of the first start, the second one and so on.
        seed: of what the program does.
    """

    behaviour: Behaviour = field(default_factory=Behaviour)
    threads: int = 10
    calls: int = 400
    paid: int = 120
    streams: float = 0.5
    leaves: float = 0.0
    most: int = 24
    timeout: float = 30.0
    kills: tuple[GatewayKill, ...] = ()
    seed: int = 0

    @property
    def cap(self) -> Money:
        """The cap, of whole micro-dollars, as one is written."""
        dearest = PROMPT * INPUT + self.most * OUTPUT
        return Money(self.paid * dearest // 10**6 * 10**6)


@dataclass(frozen=True)
class GatewayOutcome:
    """What came of a campaign.

    Attributes:
        cap: as given.
        bill: what the provider really charged.
        allowed: by how much that may be above the cap: what broke `max_tokens`.
        settled, held: what the ledger says.
        reserved: the most that was reserved for a call.
        codes: how each start ended, as a shell has it.
        calls: how many the provider had.
        attempts: how many of the ledger were reserved.
        flaws: every promise that was broken, in words.
    """

    cap: Money
    bill: Money
    allowed: Money
    settled: Money
    held: Money
    reserved: Money
    codes: tuple[int, ...]
    calls: int
    attempts: int
    flaws: tuple[str, ...]

    @property
    def of_cap(self) -> float:
        """True bill / cap."""
        return self.bill.pico / self.cap.pico

    @property
    def used(self) -> float:
        """What the ledger counts against the cap / cap."""
        return (self.settled.pico + self.held.pico) / self.cap.pico

    @property
    def bound(self) -> float:
        """What true bill / cap may be."""
        return 1 + self.allowed.pico / self.cap.pico


def perform(campaign: GatewayCampaign, folder: Path, server: ProviderHandle) -> GatewayOutcome:
    """Perform a campaign to its end, and audit it."""
    honest = {"wordy": True, "input_tokens": "counted"}
    server.reset(replace(campaign.behaviour, **honest))
    folder.mkdir(parents=True)
    shutil.copy(PROGRAM, folder / "program.py")
    codes = []
    kills, is_unpaid = [*campaign.kills, None], any(map(_is_unpaid, campaign.behaviour.faults))
    while kills or (is_unpaid and codes[-1] == STOPPED and len(codes) < MOST_STARTS):
        kill = kills.pop(0) if kills else None
        with _start(campaign, folder, server) as command:
            if kill is not None:
                _kill_in_time(command, kill, folder, server)
            codes.append(command.wait(STUCK))
        _kill_program(folder)
    return _audit(campaign, folder, _final_bill(server), tuple(codes))


def _is_unpaid(fault: Fault) -> bool:
    """Return whether a fault stops all calls until the user pays, and starts it again."""
    return fault.kind in ("402", "quota")


def _start(campaign: GatewayCampaign, folder: Path, server: ProviderHandle) -> ForkedCommand:
    given = {name: value for name, value in asdict(campaign).items() if name != "behaviour"}
    options = ["--cap", campaign.cap.to_decimal_string(), "--timeout", str(campaign.timeout)]
    for provider in ("openai", "anthropic"):
        options += ["--upstream", f"{provider}={server.url}/v1"]
        options += ["--price", f"{provider}/{MODEL}={PRICE}"]
    program = (sys.executable, "program.py", json.dumps(given))
    return Lab(folder).start("guard", *options, "--run-dir", "run", "--", *program)


def _kill_in_time(
    command: ForkedCommand, kill: GatewayKill, folder: Path, server: ProviderHandle
) -> None:
    """Kill what is to be killed, unless all has ended before."""
    enough = server.arrived(0, 0) + kill.calls
    while server.arrived(enough, LOOK) < enough and command.poll() is None:
        pass
    time.sleep(kill.delay)
    if kill.what in ("gateway", "both"):
        command.kill()
    if kill.what in ("program", "both"):
        _kill_program(folder)


def _kill_program(folder: Path) -> None:
    """Kill the program, which runs on where only the gateway was killed."""
    path = folder / "program.pid"
    if path.exists() and (pid := path.read_text()):
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(pid), signal.SIGKILL)
        path.unlink()


def _final_bill(server: ProviderHandle) -> Bill:
    """Give the account once no call runs any more."""
    deadline = time.monotonic() + STUCK
    while time.monotonic() < deadline:
        bill = server.bill()
        if all(call.ended for call in bill.calls):
            return bill
        time.sleep(LOOK)
    raise TimeoutError("a call went on after its client had left")


def _audit(
    campaign: GatewayCampaign, folder: Path, bill: Bill, codes: tuple[int, ...]
) -> GatewayOutcome:
    with read_ledger(FileLocation(folder / "run" / "ledger.sqlite")) as reader:
        now, moves = reader.balance(), list(reader.entries())
        tampered = reader.find_tampering()
        answers = sum(1 for _ in reader.answered_calls())
    outcome = GatewayOutcome(
        cap=campaign.cap,
        bill=Money(sum(map(_price, bill.billed))),
        allowed=Money(sum(BEYOND * OUTPUT for call in bill.billed if call.fault == "over_max")),
        settled=now.settled,
        held=now.held,
        reserved=max((move.reserved for move in moves), default=Money()),
        codes=codes,
        calls=len(bill.calls),
        attempts=sum(move.kind == "reserve" for move in moves),
        flaws=(),
    )
    flaws = list(_find_flaws(outcome, bill, answers, now.reserved + now.aside))
    return replace(outcome, flaws=(*flaws, *([f"CHAIN: {tampered}"] if tampered else [])))


def _price(call: BilledCall) -> int:
    return call.input_tokens * INPUT + call.output_tokens * OUTPUT


def _find_flaws(outcome: GatewayOutcome, bill: Bill, answers: int, left: Money) -> Iterator[str]:
    booked = outcome.settled + outcome.held
    tells_all = not any(call.fault == "halved_usage" for call in bill.calls)
    if tells_all and outcome.bill > outcome.cap + outcome.allowed:
        yield f"BREACH: billed {outcome.bill}, the cap is {outcome.cap}"
    if tells_all and outcome.bill > booked + outcome.allowed:
        yield f"UNBOOKED: billed {outcome.bill}, settled and held {booked}"
    if booked > outcome.cap + outcome.allowed:
        yield f"OVERBOOKED: settled and held {booked}, the cap is {outcome.cap}"
    if outcome.calls > outcome.attempts:
        yield f"UNKNOWN: {outcome.calls} calls were sent, {outcome.attempts} were reserved"
    if answers > len(bill.calls):
        yield f"FALSE: {answers} answers are stored, {len(bill.calls)} calls were made"
    if left:
        yield f"STUCK: {left} is still reserved or set aside"
