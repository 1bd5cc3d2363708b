"""Work beside the window, in threads and processes."""
