"""Provider endpoint."""
