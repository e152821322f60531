"""Commands that run an approved plan, and show its progress and its ledger."""
