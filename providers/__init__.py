"""How an API is spoken to: where requests go, how they are written, how responses are read.

Reading order: `provider` (one destination and its key), `registry` (the known ones), `apis/` (one
module for each API), `reply` (what a response is read into), `rate_limits` and `error_body` (what
else it says), `errors`. Nothing here touches the network: the estimator and the runner send.
"""
