"""Places for what is drawn: packed rectangles, orders of rows and clusters, columns, curves. Numbers in and out."""
