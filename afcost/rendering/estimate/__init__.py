"""An estimate on the terminal, as a table and in the lines below it."""
