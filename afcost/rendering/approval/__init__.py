"""What is shown before money is approved: where a plan sends, what it costs, what a cap covers."""
