"""`afcost view`: a run as it happens, and all runs, served on this machine."""
