"""How models are asked: by calls, or in batches at their own price."""

from estimator.processing.batch_offer import batch_offer, price_as_batch

__all__ = ["batch_offer", "price_as_batch"]
