"""End to end: the real command against a real server."""
