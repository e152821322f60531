"""Commands, one module each, in the groups that `afcost --help` shows."""
