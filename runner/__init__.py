"""Spending it: approval, ledger, providers, execution, report.

Reading order: `approval` (what may be spent), `attempt` and `ledger` (the only thing that says
whether money may be spent; its file is `store`), `purse` (waiting for money), `wire` and `send`
(talking to a provider), `patience` (sending again), `ceiling` (the most that something can cost),
`booking` (what it did cost), `execute` (the order of it all), `folder` and `run` (a run's folder,
and running in it), `lessons` (what bills say of counts), `report` (what came of it).
"""
