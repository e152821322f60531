"""A stranger's folder: whatever stands in it, estimating it is safe."""

from __future__ import annotations

from tests.hostile.trial import hostile, try_input


@hostile("path", "template", "yaml", "queries")
def test_a_strangers_file_does_no_harm(given, scene, hostile_server, commands):
    try_input(given, scene, hostile_server, commands.run)
