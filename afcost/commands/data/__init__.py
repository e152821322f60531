"""Commands about the data behind estimates: prices and tokenizers."""
