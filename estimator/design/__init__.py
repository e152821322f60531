"""Design: queries x samples for a budget, and the gap that they can show."""
