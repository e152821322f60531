"""A pilot: what it will send, how it goes on, and how the range narrowed."""
