"""The commands that an input is given to, one after the other, as a user would run them."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.hostile.hostile_input import HostileInput, expand
from tests.hostile.scene import Scene
from tests.hostile.server import HostileServer
from tests.hostile.worker import Command, Done

LONGEST = 10.0  # seconds of the processor, of each command
PATIENCE = 30.0  # seconds of a clock, after which a command is ended
FIRST_STEPS = ("estimate", "approve")  # of these, nothing may be sent
RUN_FOLDER = "runs/hostile"
# Steps by the phase of an input: what is run, in this order.
COMMANDS: dict[str, tuple[str, ...]] = {
    "estimate": ("estimate", "-o", "plan.json", "--requests", "requests.csv"),
    "estimate-json": ("estimate", "--format", "json", "--requests", "requests.jsonl"),
    "approve": ("approve", "plan.json", "--cap", "0.001", "--yes"),
    "run": ("run", "plan.json", "--timeout", "5"),
    "status": ("status", RUN_FOLDER),
    "report": ("report", RUN_FOLDER, "--answers", "answers.csv"),
    "report-json": ("report", RUN_FOLDER, "--format", "json", "--answers", "answers.jsonl"),
    "report-md": ("report", RUN_FOLDER, "--format", "md", "-o", "report.md"),
    "ledger": ("ledger", RUN_FOLDER, "--all"),
    "ledger-csv": ("ledger", RUN_FOLDER, "--all", "--format", "csv", "-o", "ledger.csv"),
}
PLANNING = ("estimate", "estimate-json", "approve")
RUNNING = tuple(name for name in COMMANDS if name != "estimate-json")
EXPORTS = ("report", "report-json", "report-md", "ledger", "ledger-csv", "status")


@dataclass
class Journey:
    """What happened: each step's name and end, and what the server saw before an approval."""

    scene: Scene
    steps: list[tuple[str, Done]] = field(default_factory=list)
    early_connections: int = 0

    @property
    def folder(self) -> Path:
        """The folder of all that may not hold a secret, but for what the input made itself."""
        return self.scene.folder

    def done(self, name: str) -> Done | None:
        """Return how a step ended; None where it was not reached."""
        return next((done for step, done in self.steps if step == name), None)


def travel(
    given: HostileInput, scene: Scene, server: HostileServer, start: Callable[[Command], Done]
) -> Journey:
    """Run the commands of an input's phase; stop where the next one has nothing to work with."""
    scene.build(given)
    server.reset(given.server)
    journey = Journey(scene)
    for name in _steps(given):
        done = start(_command(name, given, scene))
        journey.steps.append((name, done))
        if name in PLANNING and not given.asked:
            journey.early_connections = server.received.connections
        first = [step for step, _ in journey.steps].count(name) == 1
        if given.edits.get("after") == name and first:
            scene.edit(given.edits)
        if done.exit_code != 0 and (name in PLANNING or not (scene.desk / RUN_FOLDER).exists()):
            break
    return journey


def _steps(given: HostileInput) -> Iterator[str]:
    """Name the steps; somebody who changes files after a run finds them read again."""
    yield from RUNNING if given.phase == "run" else PLANNING
    if given.edits.get("after") in EXPORTS:
        yield from ("run", *EXPORTS)


def _command(name: str, given: HostileInput, scene: Scene) -> Command:
    verb, *usual = COMMANDS[name]
    arguments = [verb]
    if verb == "estimate":
        arguments.append("stranger/experiment.yaml")
    more = [str(each) for each in expand(given.arguments.get(verb, []), scene.names())]
    number = len(list(scene.said.iterdir())) // 3
    return Command(
        arguments=(*arguments, *usual, *more),
        folder=str(scene.desk),
        environment=scene.environment(given),
        said=str(scene.said / f"{number}-{name}"),
        limit=PATIENCE,
        umask=given.umask,
        interrupt=given.interrupt if verb == "run" else 0.0,
    )


def clear(scene: Scene) -> None:
    """Remove a scene, also what was made unreadable."""
    for path in scene.folder.rglob("*"):
        if path.is_dir() and not path.is_symlink():
            path.chmod(0o700)
    shutil.rmtree(scene.folder)
