"""Edits of a view as values, their history, and the sessions that keep them."""
