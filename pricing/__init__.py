"""What a token costs: money, usage, rate cards, and the price book with its sources.

Reading order: `money` (the type), `usage` (what is billed), `card` (how a price is applied),
`names` (which provider and model a name means), `book` (where a price comes from).
This room knows none of the others.
"""
