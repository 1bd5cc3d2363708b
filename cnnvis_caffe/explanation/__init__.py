"""Explains what a network does with images of a user: opens both, and runs the methods of `features.explain`."""
