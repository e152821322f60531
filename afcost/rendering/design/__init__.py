"""What a budget can show, as a table and in sentences."""
