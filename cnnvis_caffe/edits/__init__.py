"""What a user does to a view: edits as values, their history, and sessions to keep them in."""
