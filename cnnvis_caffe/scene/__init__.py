"""Pictures as data: shapes and texts with their places."""
