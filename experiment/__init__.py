"""What is measured: the experiment file, its requests, and the analysis of the answers.

Reading order: `schema` and `file` (the experiment file), `queries`, `template`, `request` (what is
sent), `answer` and `verdict` (what came back), `analysis` (what it means), `providers` (where
requests can go), `anthropic` and `refusal` (how one of them is spoken to, and what they say when
they refuse). This room knows none of the others, and nothing of money.
"""
