"""Transcripts in a page: searched, filtered, two conditions side by side."""
