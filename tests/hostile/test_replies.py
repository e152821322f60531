"""What a server sends instead of an answer, or around it."""

from __future__ import annotations

from tests.hostile.trial import hostile, try_input


@hostile("header", "body", "model-list")
def test_a_reply_does_no_harm(given, scene, hostile_server, commands):
    try_input(given, scene, hostile_server, commands.run)
