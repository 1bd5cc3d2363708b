"""Explains what a network does with one image: projections back to the pixels, hidden parts, moved images."""
