"""What an experiment will cost: counts, forecast, plan.

Reading order: `tokens` (what a count is), `vocabulary` and `formats` (how text becomes a count),
`families` (which model counts how), `survey` (counting an experiment), `lengths` and `forecast`
(what its output may come to), `plan` (all of it, saved and hashed), `stale` (what changed since).
"""
