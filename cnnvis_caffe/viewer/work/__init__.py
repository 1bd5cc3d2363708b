"""Runs work beside the window, in threads and processes."""
