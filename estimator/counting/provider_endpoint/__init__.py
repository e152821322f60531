"""Asking a provider's free endpoint how many tokens a prompt has."""

from estimator.counting.provider_endpoint.client import CountEndpoint, make_count_endpoint

__all__ = [
    "CountEndpoint",
    "make_count_endpoint",
]
