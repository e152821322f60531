"""The money of a run as sections: its cost, its spending over time, lengths, plan and prices."""
