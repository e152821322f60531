"""Answers of a run on the terminal: to read them, and to label them."""
