"""What was found: the question, the result in words and charts, its judges, and what is missing."""
