"""A report: composed once into sections, and rendered in each format."""
