"""What a token costs: money, usage, rate cards, and the price book with its sources.

In reading order:
    money, usage  exact amounts, and the tokens that are billed
    rates         the price of a model: rate cards, tariffs over time, offers
    sources       where prices come from, and how each source is read
    catalog       model names, retirements and billing rules
    price_book    what a model costs, by the best source
    refresh       fetching new price lists
    data_files    rules and figures in YAML files, here and in the rooms above

This room imports none of the others.
"""
