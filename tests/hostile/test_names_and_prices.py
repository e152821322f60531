"""What is approved: names, addresses, keys, prices and fields that cost."""

from __future__ import annotations

from tests.hostile.trial import hostile, try_input


@hostile("name", "provider", "sampling", "price")
def test_what_is_approved_is_what_it_seems(given, scene, hostile_server, commands):
    try_input(given, scene, hostile_server, commands.run)
