"""Commands that show what a run cost and what it found."""
