"""A run: what it would send, how it goes on, where it stands, and how it ended."""
