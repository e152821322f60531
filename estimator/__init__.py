"""What an experiment will cost: its requests counted, its cost forecast, the result a plan.

In reading order:
    counting    how many tokens a prompt has, by each model's own tokenizer
    workload    all requests of an experiment, counted and added up by stratum
    forecast    how long the answers may be, and what that costs
    plan        the estimate as a plan to approve, and whether it still holds
    comparison  what the same requests cost at other providers, or with prompt caching

All of them may use `count_cache`, `user_dirs`, `atomic_write`, `safe_text` and
`errors`.
"""
