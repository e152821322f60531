"""Connections of a program that sets its addresses by itself, taken on their way to providers.

Reading order: `hosts` (whose connections are taken, as data), `connect_request` (what a proxy is
asked for), `interceptor` (the proxy), `tunnel` (what is passed on unread), `authority` and
`identity` (certificates), `trusted_files`, `variables` and `node_preload.cjs` (what has a program
come here and trust it), `interception` (all of it together).
"""

from runner.gateway.intercept.identity import require_cryptography
from runner.gateway.intercept.interception import intercept_connections
from runner.gateway.intercept.interceptor import ConnectionTally

__all__ = ["ConnectionTally", "intercept_connections", "require_cryptography"]
