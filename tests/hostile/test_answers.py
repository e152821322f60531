"""What a model says, and what a provider says that it costs."""

from __future__ import annotations

from tests.hostile.trial import hostile, try_input


@hostile("answer", "usage")
def test_an_answer_is_data(given, scene, hostile_server, commands):
    try_input(given, scene, hostile_server, commands.run)
