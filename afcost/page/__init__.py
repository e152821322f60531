"""Pages for a browser: a report as one file, estimates, and the run as it happens."""
