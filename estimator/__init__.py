"""What an experiment will cost: counts, forecast, plan.

Reading order: `tokens` (what a count is), `vocabulary` with `added` and `fetched`, and `formats`
(how text becomes a count), `families` (which model counts how), `hub` (tokenizers of the user's),
`counting` (which of all these counts a planned model, with what bills taught: `calibration`),
`cache` (what was counted before), `survey` and `recall` (counting an experiment), `asking` (having
its provider count it instead: `endpoint`, `inquiry`, `pace`, `dialects`), `lengths` and `forecast`
(what its output may come to), `plan` (all of it, saved and hashed), `stale` (what changed since),
`checks` (whether all still counts as it did).
"""
