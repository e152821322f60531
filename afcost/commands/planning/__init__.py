"""Commands that plan an experiment and approve what it may spend."""
