"""What a person sees: tables, views of a plan and a run, progress."""
