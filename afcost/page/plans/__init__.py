"""Estimates and designs as pages."""
