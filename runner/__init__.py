"""Run an approved plan under its cap: approval, ledger, sending, execution, report.

Reading order: `approval` (what may be spent), `attempt`, `tables` and `ledger` (the only thing that
says whether money may be spent; kept in a file by `store`, in PostgreSQL by `postgres`, wherever
`places` says), `chain` (nothing in it was changed), `writer` and `purse` (tasks write to it
together, and wait for money), `wire` and `send` (talking to a provider), `ramp`, `limits` and
`pace` (how many requests at once), `patience` (sending again), `ceiling` (the most that something
can cost), `booking` (what it did cost), `exchange` (one attempt), `queue` and `crew` (who does
which job), `execute` (the order of it all), `preflight` (what is checked first), `folder` and `run`
(a run's folder, and running in it), `reconcile` (what became of held money), `lessons` (what bills
say of counts), `report` (what came of it).
"""
