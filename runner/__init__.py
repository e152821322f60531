"""Spending it: approval, ledger, providers, execution, report.

Reading order: `approval` (what may be spent), `ledger` (the only thing that says whether money may
be spent), `purse` (waiting for money), `wire` and `send` (talking to a provider), `booking` (what
an answer cost), `execute` (the order of it all), `run` (a run folder), `report` (what came of it).
"""
