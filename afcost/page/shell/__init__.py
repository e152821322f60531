"""What every page is made of: its document, its policy, and figures that can be read back."""
