"""What is measured: an experiment file, its requests, and the analysis of the answers.

In reading order:
    definition  the experiment file: its fields, its queries, its conditions
    prompts     the requests that are sent
    scoring     what answers and verdicts say, and what they mean together
    builtin     the experiments that afcost ships with

This room imports none of the others: it knows no provider and no price.
"""
