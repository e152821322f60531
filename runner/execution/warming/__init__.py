"""Cached prefixes while a run goes on: one request of a cold one goes ahead of the others."""

from runner.execution.warming.warm_prefixes import PrefixUse, WarmPrefixes

__all__ = ["PrefixUse", "WarmPrefixes"]
