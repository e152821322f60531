"""Count prompts at a provider's free count endpoint."""

from estimator.counting.provider_endpoint.endpoint import CountEndpoint, make_count_endpoint

__all__ = [
    "CountEndpoint",
    "make_count_endpoint",
]
