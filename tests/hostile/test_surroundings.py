"""Files and variables around an experiment; and the tables and the harness themselves."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from tests.hostile.scene import canary
from tests.hostile.trial import INPUTS, hostile, try_input
from tests.hostile.worker import Command, Done, run_fresh

FRESH = random.Random(12).sample([each for each in INPUTS if each.phase != "run"], 4)


@hostile("surroundings")
def test_what_lies_around_does_no_harm(given, scene, hostile_server, commands):
    try_input(given, scene, hostile_server, commands.run)


@pytest.mark.parametrize("given", FRESH, ids=[each.name for each in FRESH])
def test_the_installed_command_behaves_as_the_forked_one(given, scene, hostile_server):
    try_input(given, scene, hostile_server, run_fresh)


def test_there_are_hundreds_of_inputs_of_many_kinds():
    assert len(INPUTS) >= 300
    assert len({each.kind for each in INPUTS}) >= 12


@pytest.mark.parametrize(
    ("spoil", "seen"),
    [
        (lambda scene, _: (scene.desk / "notes").write_text(canary("LAB_KEY")), "LAB_KEY in desk"),
        (lambda _, server: server.received.bytes.extend(canary("HF_TOKEN").encode()), "HF_TOKEN"),
        (lambda _, server: setattr(server.received, "connections", 1), "before an approval"),
        (lambda scene, _: (scene.desk / "a.csv").write_text("a,=b\n"), "has a cell '=b'"),
    ],
    ids=["a leak", "a secret that is sent", "a connection", "a formula"],
)
def test_a_broken_promise_is_seen(spoil, seen, scene, hostile_server, commands):
    (given,) = (each for each in INPUTS if each.name == "name-plain")

    def start(command: Command) -> Done:
        spoil(scene, hostile_server)
        return commands.run(command)

    with pytest.raises(AssertionError, match=seen):
        try_input(given, scene, hostile_server, start)


@pytest.mark.parametrize(
    ("spoil", "seen"),
    [
        ({"exit_code": -9}, "ended with -9"),
        ({"seconds": 11.0}, "took 11.0 s"),
        ({"megabytes": 301.0}, "took 301 MB"),
        ({"errors": b"a\x1b[2J"}, "printed"),
        ({"output": "\u202e".encode()}, "printed"),
        ({"errors": b"Traceback (most recent call last)"}, "traceback"),
        ({"tried": ("socket.connect ('10.0.0.1', 80)",)}, "tried socket.connect"),
        ({"tried": ("subprocess.Popen ('id',)",)}, "tried subprocess.Popen"),
    ],
    ids=lambda each: "" if isinstance(each, str) else next(iter(each)),
)
def test_a_broken_command_is_seen(spoil, seen, scene, hostile_server, commands):
    (given,) = (each for each in INPUTS if each.name == "name-plain")

    def start(command: Command) -> Done:
        return replace(commands.run(command), **spoil)

    with pytest.raises(AssertionError, match=seen):
        try_input(given, scene, hostile_server, start)


def test_what_a_command_wants_to_reach_is_noted(scene, commands):
    (given,) = (each for each in INPUTS if each.name == "name-plain")
    scene.build(given)
    environment = scene.environment(given)
    for arguments, tried in ((("doctor",), ()), (("prices", "update"), ("socket.getaddrinfo",))):
        said = str(scene.said / arguments[0])
        done = commands.run(Command(arguments, str(scene.desk), environment, said, 30))
        assert tuple({each.split()[0] for each in done.tried}) == tried
