"""What a token costs: money, usage, rate cards, and the price book with its sources.

Reading order: `money` (the type), `usage` (what is billed), `card` (how a price is applied),
`tariff` (how prices follow each other), `offer` (with what other sources say), `names` (which
provider and model a name means), `book` (where a price comes from) and `sources`, `rules` (what
moves a bill beside the price), `user` (prices of one's own), `update` (fetching price lists).
This room knows none of the others.
"""
