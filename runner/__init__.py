"""Running an approved plan under its cap.

In reading order:
    approval    who allowed which plan to spend how much, and until when
    ledger      the only thing that says whether money may be spent
    billing     what a request may cost at most, and what it did cost
    transport   sending a request once, and what became of its money
    execution   the order of work: budget, retries, rate limits, jobs
    run_folder  a run's folder: the plan, the experiment as planned, the ledger
    reproduction  what a run was made of, and whether it can be made again
    results     what came of a run: report, exports, reconciliation, calibration
    launch      starting a run: what is checked first, and a worker at its work
"""
