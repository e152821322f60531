"""Where prices come from: each source returns tariffs, and `None` for what it does not know.

Each source gives tariffs, and `None` for what it does not know.

Reading order: `source` (the protocol), `table` (a price table that was read before), `genai` (the
genai-prices package), `overlay` and `crosscheck` (tables of this project), `refreshed` (tables that
`afcost prices update` fetched), `openrouter` and `deepinfra` (how theirs are read).
"""
