"""A run as it happens, and all runs, served on this machine to the one who has the page's secret.

Reading order: `server` (the routes, and how it begins and ends), `access` (who is let in),
`run_feed` (what watchers of a run are told, and when), `pace` (how much of a processor that may
take), `run_parts` (the parts of a run's page), `control`, `reports`, `runs_page`,
`compare_page`, `addresses`.
"""
